/** What one worker knows of one message. One bit for each of its clients in the topic. */
export class MessageRecord {
  /** When it was sent: microseconds since the run's zero. */
  readonly sentUs: number;
  /** The sender's slot when it is a client of this worker, else -1. */
  publisherSlot = -1;
  /** The sender lost its connection soon after, so the server may never have got it. */
  isDoubtful = false;
  readonly #got: Uint32Array;
  #overtaken: Uint32Array | undefined;
  #count = 0;

  constructor(sentUs: number, slots: number) {
    this.sentUs = sentUs;
    this.#got = new Uint32Array(Math.ceil(slots / 32));
  }

  /** How many clients have got it. */
  get count(): number {
    return this.#count;
  }

  /** Whether the client of a slot has got it. */
  has(slot: number): boolean {
    return ((this.#got[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }

  /** Notes that a client has got it. */
  add(slot: number): void {
    this.#got[slot >>> 5] = (this.#got[slot >>> 5] ?? 0) | (1 << (slot & 31));
    this.#count += 1;
  }

  /** Notes that a client has got the sender's next message first. */
  overtake(slot: number): void {
    this.#overtaken ??= new Uint32Array(this.#got.length);
    this.#overtaken[slot >>> 5] = (this.#overtaken[slot >>> 5] ?? 0) | (1 << (slot & 31));
  }

  /** Whether a client has got the sender's next message first. */
  wasOvertaken(slot: number): boolean {
    return ((this.#overtaken?.[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
  }
}
