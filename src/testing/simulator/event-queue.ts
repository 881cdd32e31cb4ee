/** Something that will happen. */
export interface Happening {
  readonly atUs: number;
  readonly order: number;
  /** Undefined when it was called off. */
  run: (() => void) | undefined;
}

function before(a: Happening, b: Happening): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}

/** What will happen, the earliest first; of one moment, in the order it was decided. A binary heap. */
export class EventQueue {
  readonly #heap: Happening[] = [];
  #orders = 0;

  push(atUs: number, run: () => void): Happening {
    this.#orders += 1;
    const happening: Happening = { atUs, order: this.#orders, run };
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = heap[(at - 1) >> 1];
      if (parent === undefined || before(parent, happening)) break;
      heap[at] = parent;
      at = (at - 1) >> 1;
    }
    heap[at] = happening;
    return happening;
  }

  /** The next one that was not called off; it stays. */
  peek(): Happening | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.run !== undefined) return first;
      this.#removeFirst();
    }
  }

  /** Takes the next one. */
  pop(): Happening | undefined {
    const first = this.peek();
    if (first !== undefined) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      if (left === undefined) break;
      const smaller = right !== undefined && before(right, left) ? right : left;
      if (before(last, smaller)) break;
      heap[at] = smaller;
      at = smaller === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = last;
  }
}
