import { DueQueue } from "../presence/due-queue.js";

/** Seconds in the heap without a bucket that are not worth tidying up. */
const STALE_SECONDS = 1_000;

/**
 * Things by the second that each of them is due in. A thing costs a place in a set, a second a place in a heap:
 * cheap for very many things, however far away their time is.
 */
export class SecondBuckets<T> {
  readonly #buckets = new Map<number, Set<T>>();
  /** The seconds of the buckets; some are of buckets that are gone. */
  #seconds = new DueQueue<number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a thing, which MUST NOT be in that second yet. */
  add(second: number, thing: T): void {
    let bucket = this.#buckets.get(second);
    if (bucket === undefined) {
      bucket = new Set();
      this.#buckets.set(second, bucket);
      this.#seconds.push(second, second);
    }
    bucket.add(thing);
    this.#size++;
  }

  /** Takes a thing out of its second; unknown ones are fine. */
  delete(second: number, thing: T): void {
    const bucket = this.#buckets.get(second);
    if (!bucket?.delete(thing)) return;
    this.#size--;
    if (bucket.size > 0) return;
    this.#buckets.delete(second);
    if (this.#seconds.size > 2 * this.#buckets.size + STALE_SECONDS) this.#tidy();
  }

  /** Things that come and go before their time must not leave their seconds behind for weeks. */
  #tidy(): void {
    this.#seconds = new DueQueue();
    for (const second of this.#buckets.keys()) this.#seconds.push(second, second);
  }

  /** The earliest second that has something; undefined when nothing is here. */
  get first(): number | undefined {
    for (;;) {
      const second = this.#seconds.nextDueAt;
      if (second === undefined || this.#buckets.has(second)) return second;
      this.#seconds.pop(second);
    }
  }

  /** Removes and returns everything of the earliest second, when that is `nowS` at the latest. */
  takeFirst(nowS: number): { readonly second: number; readonly things: ReadonlySet<T> } | undefined {
    const second = this.first;
    if (second === undefined || second > nowS) return undefined;
    const bucket = this.#buckets.get(second);
    this.#buckets.delete(second);
    this.#size -= bucket?.size ?? 0;
    return { second, things: bucket ?? new Set() };
  }
}
