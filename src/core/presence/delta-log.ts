/** What a receiver must be told besides the live entries: see {@link DeltaLog.since}. */
export interface Removals {
  /** The fragment must reach down to here. */
  readonly from: number;
  /** Dots at or below `from` which are dead. */
  readonly dead: number[];
}

/**
 * Remembers how one replica's removals were learnt, newest `rowsMax` of them, so that a peer who missed some can be
 * sent exactly those instead of everything.
 *
 * A row says: by an operation after `from` and up to `top`, `dead` died, and so did every dot above `from` that is
 * no longer live. Rows above any clock therefore tell all that a peer at that clock has missed.
 */
export class DeltaLog {
  readonly #rowsMax: number;
  #froms: number[] = [];
  #tops: number[] = [];
  #dead: number[] = [];
  #oldest = 0;
  #highestTop = 0;
  #start = 0;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get rowCount(): number {
    return this.#tops.length - this.#oldest;
  }

  /** Below this clock the log cannot tell what was missed. */
  get start(): number {
    return this.#start;
  }

  /** Adds one row for each dead dot, or one row without. */
  record(from: number, top: number, dead: readonly number[]): void {
    if (dead.length === 0) this.#push(from, top, 0);
    for (const dot of dead) this.#push(from, top, dot);
  }

  /** Forgets all rows: what was learnt now cannot be told apart from what any peer below `top` has missed. */
  reset(top: number): void {
    this.#froms = [];
    this.#tops = [];
    this.#dead = [];
    this.#oldest = 0;
    this.#start = Math.max(this.#start, this.#highestTop, top);
  }

  /**
   * For a peer that knows the effect of every operation up to `clock`: how far down to reach so that nothing it
   * missed stays hidden, and which dots below that are dead. Undefined when the log does not go back that far.
   */
  since(clock: number): Removals | undefined {
    let from = clock;
    if (this.#highestTop > clock) {
      // A row that reaches lower makes more rows relevant, so repeat until none does.
      for (let before = Number.POSITIVE_INFINITY; from < before; ) {
        before = from;
        from = this.#lowestFrom(from, from);
      }
    }
    return from < this.#start ? undefined : { from, dead: this.#deadAbove(from, from) };
  }

  /**
   * For a peer that knows, of the dots up to `upTo`, every death by an operation up to `facts`: the same question.
   */
  sinceFacts(upTo: number, facts: number): Removals | undefined {
    if (facts < this.#start) return undefined;
    const from = this.#lowestFrom(upTo, facts);
    return { from, dead: this.#deadAbove(facts, from) };
  }

  #push(from: number, top: number, dead: number): void {
    this.#froms.push(from);
    this.#tops.push(top);
    this.#dead.push(dead);
    this.#highestTop = Math.max(this.#highestTop, top);
    if (this.rowCount <= this.#rowsMax) return;
    this.#start = Math.max(this.#start, this.#tops[this.#oldest] ?? 0);
    this.#oldest += 1;
    if (this.#oldest > this.#rowsMax) this.#dropOld();
  }

  #dropOld(): void {
    this.#froms = this.#froms.slice(this.#oldest);
    this.#tops = this.#tops.slice(this.#oldest);
    this.#dead = this.#dead.slice(this.#oldest);
    this.#oldest = 0;
  }

  #lowestFrom(from: number, above: number): number {
    let lowest = from;
    for (let i = this.#oldest; i < this.#tops.length; i++) {
      if ((this.#tops[i] ?? 0) > above) lowest = Math.min(lowest, this.#froms[i] ?? 0);
    }
    return lowest;
  }

  #deadAbove(above: number, upTo: number): number[] {
    const found: number[] = [];
    if (this.#highestTop <= above) return found;
    for (let i = this.#oldest; i < this.#tops.length; i++) {
      const dot = this.#dead[i] ?? 0;
      if (dot > 0 && dot <= upTo && (this.#tops[i] ?? 0) > above) found.push(dot);
    }
    return found;
  }
}
