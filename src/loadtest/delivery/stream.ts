import type { MessageRecord } from "./message-record.js";

/** How far a number may be ahead of the oldest that is not settled; more can only be nonsense. */
const aheadMax = 4_194_304;

/** The numbered messages that one worker has sent to one topic, from the oldest that is not settled. */
export class Stream {
  readonly worker: number;
  readonly topic: number;
  #base = 0;
  #checked = 0;
  #records: (MessageRecord | undefined)[] = [];

  constructor(worker: number, topic: number) {
    this.worker = worker;
    this.topic = topic;
  }

  /** The number of the oldest message that is not settled. */
  get base(): number {
    return this.#base;
  }

  /** The record of a message, if there is one. */
  at(seq: number): MessageRecord | undefined {
    return this.#records[seq - this.#base];
  }

  /** Keeps a record; false when the number cannot be. */
  put(seq: number, record: MessageRecord): boolean {
    const index = seq - this.#base;
    if (index < 0 || index > aheadMax) return false;
    while (this.#records.length < index) this.#records.push(undefined);
    this.#records[index] = record;
    return true;
  }

  /** All records that are not settled. */
  *all(): Iterable<MessageRecord> {
    for (const record of this.#records) if (record !== undefined) yield record;
  }

  /**
   * Takes out all records up to the first that was sent at `sentUs` or later. A number without a record stops it until
   * a later message is as old: then nobody will tell of it any more.
   */
  takeBefore(sentUs: number): MessageRecord[] {
    const isOld = (record: MessageRecord | undefined) => record !== undefined && record.sentUs < sentUs;
    const isNew = (record: MessageRecord | undefined) => record !== undefined && record.sentUs >= sentUs;
    const firstNew = this.#records.findIndex(isNew);
    const until = firstNew === -1 ? this.#records.findLastIndex(isOld) + 1 : firstNew;
    const taken = this.#records.splice(0, until);
    this.#base += until;
    return taken.filter((record) => record !== undefined);
  }

  /** Records sent before a time that this has not given before, with their numbers. */
  uncheckedBefore(sentUs: number): [number, MessageRecord][] {
    const found: [number, MessageRecord][] = [];
    this.#checked = Math.max(this.#checked, this.#base);
    for (; this.#checked - this.#base < this.#records.length; this.#checked += 1) {
      const record = this.at(this.#checked);
      if (record === undefined || record.sentUs >= sentUs) break;
      found.push([this.#checked, record]);
    }
    return found;
  }
}
