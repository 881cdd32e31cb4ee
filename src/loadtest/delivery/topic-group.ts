/** A time during which a client was in a topic. Microseconds since the run's zero. */
export interface Stay {
  readonly from: number;
  /** Infinite while it lasts. */
  to: number;
  /** Whether the client left by the tool's own will. */
  own: boolean;
}

/** Stays of one client that are remembered; older ones were judged long ago unless clients leave by the second. */
const staysMax = 8;

/** The clients of one worker that are in one topic, each in a slot of its own. */
export class TopicGroup {
  readonly #stays: Stay[][];
  readonly #slow: Set<number> = new Set();
  #present = 0;

  constructor(slots: number) {
    this.#stays = Array.from({ length: slots }, () => []);
  }

  /** How many slots there are. */
  get slots(): number {
    return this.#stays.length;
  }

  /** How many clients are in the topic now. */
  get present(): number {
    return this.#present;
  }

  /** Marks a slot as that of a client that reads late on purpose. */
  markSlow(slot: number): void {
    this.#slow.add(slot);
  }

  /** Whether the client of a slot reads late on purpose. */
  isSlow(slot: number): boolean {
    return this.#slow.has(slot);
  }

  /** A client has joined. */
  join(slot: number, atUs: number): void {
    const stays = this.#stays[slot];
    if (stays === undefined || stays.at(-1)?.to === Number.POSITIVE_INFINITY) return;
    stays.push({ from: atUs, to: Number.POSITIVE_INFINITY, own: false });
    if (stays.length > staysMax) stays.shift();
    this.#present += 1;
  }

  /** A client is no longer in the topic. */
  leave(slot: number, atUs: number, own: boolean): void {
    const last = this.#stays[slot]?.at(-1);
    if (last === undefined || last.to !== Number.POSITIVE_INFINITY) return;
    last.to = atUs;
    last.own = own;
    this.#present -= 1;
  }

  /** The stay of a client that had begun last at some time. */
  stayAt(slot: number, atUs: number): Stay | undefined {
    return this.#stays[slot]?.findLast(({ from }) => from <= atUs);
  }
}
