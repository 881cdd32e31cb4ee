import type { Entry } from "./entry.js";

/**
 * The entries of one replica by their clock, with a walk in ascending order from any clock on. Clocks nearly always
 * arrive ascending, so the order is a list that is appended to; holes are left where entries went.
 */
export class EntriesByClock {
  readonly #entries = new Map<number, Entry>();
  #order: number[] = [];
  #sorted = true;

  get size(): number {
    return this.#entries.size;
  }

  /** Length of the list behind the order, holes included; for gauges. */
  get orderLength(): number {
    return this.#order.length;
  }

  /** Highest clock that was ever set and not swept yet; 0 when there is none. */
  get highest(): number {
    this.#sort();
    return this.#order.at(-1) ?? 0;
  }

  get(clock: number): Entry | undefined {
    return this.#entries.get(clock);
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  set(entry: Entry): void {
    const last = this.#order.at(-1);
    if (last !== undefined && last >= entry.clock) this.#sorted = false;
    this.#order.push(entry.clock);
    this.#entries.set(entry.clock, entry);
  }

  delete(clock: number): void {
    this.#entries.delete(clock);
    // Sweeping when half of the list is holes costs a constant per deletion.
    if (this.#order.length > 64 && this.#order.length > 2 * this.#entries.size) this.#sweep();
  }

  /** Visits the entries above `clock`, lowest first, until `visit` returns false. */
  walk(clock: number, visit: (entry: Entry) => boolean): void {
    this.#sort();
    for (let i = this.#firstAbove(clock); i < this.#order.length; i++) {
      const entry = this.#entries.get(this.#order[i] ?? 0);
      if (entry !== undefined && !visit(entry)) return;
    }
  }

  /** Adds to `found` the entries from `first` to `last`, in no order. */
  collect(first: number, last: number, found: Entry[]): void {
    const reach = Math.min(last, this.highest);
    if (reach - first >= this.#entries.size) {
      for (const entry of this.#entries.values()) {
        if (entry.clock >= first && entry.clock <= reach) found.push(entry);
      }
      return;
    }
    for (let clock = first; clock <= reach; clock++) {
      const entry = this.#entries.get(clock);
      if (entry !== undefined) found.push(entry);
    }
  }

  #sweep(): void {
    this.#order = this.#order.filter((clock) => this.#entries.has(clock));
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#order = [...this.#entries.keys()].sort((a, b) => a - b);
    this.#sorted = true;
  }

  #firstAbove(clock: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#order[middle] ?? 0) <= clock) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
