interface Item<T> {
  readonly at: number;
  readonly turn: number;
  readonly value: T;
}

/** Values with the time at which they are due, earliest first, and in order at the same time: a binary heap. */
export class DueQueue<T> {
  readonly #heap: Item<T>[] = [];
  #turns = 0;

  get size(): number {
    return this.#heap.length;
  }

  get nextDueAt(): number | undefined {
    return this.#heap[0]?.at;
  }

  push(at: number, value: T): void {
    const heap = this.#heap;
    const item = { at, turn: ++this.#turns, value };
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(item, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  /** Removes and returns one value that is due; undefined when none is. */
  pop(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first.value;
  }

  /** Puts `item` in from the top. */
  #sink(item: Item<T>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const right = heap[child + 1];
      let smaller = heap[child];
      if (smaller === undefined) break;
      if (right !== undefined && isBefore(right, smaller)) {
        smaller = right;
        child += 1;
      }
      if (!isBefore(smaller, item)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = item;
  }
}

function isBefore<T>(item: Item<T>, other: Item<T>): boolean {
  return item.at < other.at || (item.at === other.at && item.turn < other.turn);
}
