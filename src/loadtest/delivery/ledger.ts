import type { CounterName } from "../report/metrics.js";
import type { Stamp } from "../wire/stamp.js";
import { MessageRecord } from "./message-record.js";
import { Stream } from "./stream.js";
import type { TopicGroup } from "./topic-group.js";

/** What delivery is judged by. */
export interface LedgerOptions {
  /** The number of this worker. */
  readonly worker: number;
  /** A message that has not come by then is lost. */
  readonly settleUs: number;
  readonly lateUs: number;
  /** Whether a sender gets its own message. */
  readonly echo: boolean;
  readonly groups: ReadonlyMap<number, TopicGroup>;
  count(name: CounterName, by: number): void;
}

/** A time around a kill. */
export interface KillWindow {
  readonly fromUs: number;
  readonly toUs: number;
}

/** How an arrival is to be seen. Only `first` and `deadline` have a latency. */
export type Arrival = "first" | "again" | "deadline" | "foreign";

/** What is lost so soon after the receiver has joined is told apart: nodes may not know of each other's topic yet. */
const joinGraceUs = 1_000_000;

type Cause = Extract<CounterName, `lost${string}`>;

/**
 * The account of all deliveries to the clients of one worker. Every message is numbered in its stream; a record holds
 * one bit for each client that may get it, until the time is up and what is missing is counted by cause.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #streams = new Map<number, Stream>();
  readonly #kills: KillWindow[] = [];

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** What is lost around this time is lost by a kill. */
  addKill(window: KillWindow): void {
    this.#kills.push(window);
  }

  /** A message was sent; by a client of this worker when `publisherSlot` is given. */
  published(worker: number, topic: number, seq: number, sentUs: number, publisherSlot = -1): void {
    const record = this.#record(worker, topic, seq, sentUs);
    if (record !== undefined) record.publisherSlot = publisherSlot;
  }

  /** The sender of a message lost its connection soon afterwards. */
  doubted(worker: number, topic: number, seq: number): void {
    const record = this.#stream(worker, topic).at(seq);
    if (record !== undefined) record.isDoubtful = true;
  }

  /** A message has come to a client. */
  arrived(stamp: Stamp, slot: number, nowUs: number): Arrival {
    const { count, lateUs } = this.#options;
    const stream = this.#stream(stamp.worker, stamp.topic);
    if (stamp.seq < stream.base) {
      count("afterDeadline", 1);
      return "deadline";
    }
    const record = this.#record(stamp.worker, stamp.topic, stamp.seq, stamp.dueUs + stamp.lagUs);
    if (record === undefined) {
      count("foreign", 1);
      return "foreign";
    }
    if (record.has(slot)) {
      count("duplicated", 1);
      return "again";
    }
    record.add(slot);
    count("delivered", 1);
    if (nowUs - stamp.dueUs > lateUs) count("late", 1);
    if (record.wasOvertaken(slot)) count("reordered", 1);
    const before = stamp.back > 0 ? stream.at(stamp.seq - stamp.back) : undefined;
    if (before !== undefined && !before.has(slot)) before.overtake(slot);
    return "first";
  }

  /** Judges all messages whose time is up, or all there are. */
  settle(nowUs: number, all = false): void {
    const { settleUs } = this.#options;
    for (const stream of this.#streams.values()) {
      const horizon = all ? Number.POSITIVE_INFINITY : nowUs - settleUs;
      for (const record of stream.takeBefore(horizon)) this.#judge(record, stream.topic);
    }
  }

  /** Own messages whose sender has lost its connection since, each told once. */
  newlyDoubtful(nowUs: number): [topic: number, seq: number][] {
    const found: [number, number][] = [];
    const { worker, settleUs, groups } = this.#options;
    for (const stream of this.#streams.values()) {
      if (stream.worker !== worker) continue;
      const group = groups.get(stream.topic);
      for (const [seq, record] of stream.uncheckedBefore(nowUs - settleUs / 2)) {
        const stay = group?.stayAt(record.publisherSlot, record.sentUs);
        if (stay === undefined || stay.to === Number.POSITIVE_INFINITY) continue;
        record.isDoubtful = true;
        found.push([stream.topic, seq]);
      }
    }
    return found;
  }

  /** Messages that somebody who is there still waits for. */
  pending(): number {
    let sum = 0;
    for (const stream of this.#streams.values()) {
      for (const record of stream.all()) if (this.#misses(record, stream.topic)) sum += 1;
    }
    return sum;
  }

  #misses(record: MessageRecord, topic: number): boolean {
    const group = this.#options.groups.get(topic);
    if (group === undefined || record.count >= group.slots) return false;
    for (let slot = 0; slot < group.slots; slot++) {
      if (record.has(slot)) continue;
      const cause = this.#causeOf(record, group, slot);
      if (cause === "lostSteady" || cause === "lostAtJoin" || cause === "lostSlow") return true;
    }
    return false;
  }

  #judge(record: MessageRecord, topic: number): void {
    const { groups, count } = this.#options;
    const group = groups.get(topic);
    count("expected", record.count);
    if (group === undefined || record.count >= group.slots) return;
    for (let slot = 0; slot < group.slots; slot++) {
      if (record.has(slot)) continue;
      const cause = this.#causeOf(record, group, slot);
      if (cause === undefined) continue;
      count("expected", 1);
      count("lost", 1);
      count(cause, 1);
    }
  }

  /** Why a client has not got a message; undefined when it was not to get it. */
  #causeOf(
    { sentUs, publisherSlot, isDoubtful }: MessageRecord,
    group: TopicGroup,
    slot: number,
  ): Cause | undefined {
    if (slot === publisherSlot && !this.#options.echo) return undefined;
    const stay = group.stayAt(slot, sentUs);
    if (stay === undefined) return undefined;
    const endedSoon = stay.to < sentUs + this.#options.settleUs;
    if (endedSoon && stay.own) return undefined;
    const isKill = (atUs: number) => this.#kills.some(({ fromUs, toUs }) => atUs >= fromUs && atUs <= toUs);
    if (isKill(sentUs) || (endedSoon && isKill(stay.to))) return "lostKill";
    if (endedSoon || isDoubtful) return "lostDisconnect";
    if (group.isSlow(slot)) return "lostSlow";
    return sentUs - stay.from < joinGraceUs ? "lostAtJoin" : "lostSteady";
  }

  #stream(worker: number, topic: number): Stream {
    const key = worker * 2 ** 32 + topic;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new Stream(worker, topic);
      this.#streams.set(key, stream);
    }
    return stream;
  }

  #record(worker: number, topic: number, seq: number, sentUs: number): MessageRecord | undefined {
    const stream = this.#stream(worker, topic);
    const known = stream.at(seq);
    if (known !== undefined) return known;
    const record = new MessageRecord(sentUs, this.#options.groups.get(topic)?.slots ?? 0);
    return stream.put(seq, record) ? record : undefined;
  }
}
