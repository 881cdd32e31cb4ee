/** Emptied places at the front of a queue that are left alone; more are given back when they are the larger half. */
const SLACK = 64;

/** First in, first out. `Array.shift` moves every element of a long array; this does not. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** Elements that wait. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The oldest element, left where it is; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** The oldest element; undefined when there is none. */
  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (this.#head === this.#items.length) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > SLACK && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
