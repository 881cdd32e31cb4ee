/** Longest chunk; at this length it is cut in halves. */
const chunkMax = 512;

/** Keys in code unit order, in chunks, so that a change costs little at any size. */
export class SortedKeys {
  readonly #chunks: string[][] = [];

  constructor(keys: Iterable<string>) {
    // The default order of sort is by code units.
    const sorted = [...keys].sort();
    const step = chunkMax / 2;
    for (let i = 0; i < sorted.length; i += step) this.#chunks.push(sorted.slice(i, i + step));
  }

  /** Adds a key that is not in yet. */
  add(key: string): void {
    const at = Math.min(this.#chunkFor(key), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length >= chunkMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunkMax / 2));
  }

  delete(key: string): void {
    const at = this.#chunkFor(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    const index = lowerBound(chunk, key);
    if (chunk[index] !== key) return;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  /** Up to `limit` keys that come after `key`, or the first ones. */
  after(key: string | undefined, limit: number): string[] {
    const found: string[] = [];
    let at = key === undefined ? 0 : this.#chunkFor(key);
    let index = 0;
    const first = this.#chunks[at];
    if (key !== undefined && first !== undefined) {
      index = lowerBound(first, key);
      if (first[index] === key) index += 1;
    }
    for (; at < this.#chunks.length && found.length < limit; at++, index = 0) {
      const chunk = this.#chunks[at] ?? [];
      for (; index < chunk.length && found.length < limit; index++) found.push(chunk[index] ?? "");
    }
    return found;
  }

  /** Index of the first chunk whose last key is `key` or comes after it. */
  #chunkFor(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.at(-1) ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunk[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
