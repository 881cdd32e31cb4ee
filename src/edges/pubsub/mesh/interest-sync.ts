import type { Cancel, Clock } from "../../../contracts/clock.js";
import type { Counters } from "./counters.js";
import { encodeInterest } from "./interest-codec.js";
import type { LocalTopics } from "./local-topics.js";

/** What the announcing needs to know of a link. */
export interface Announcee {
  /** Lays down a frame for the peer. */
  sendFrame(frame: Buffer): void;
}

/** The changes of one turn of the event loop, from the first of them until every peer has acknowledged. */
interface Batch<Peer> {
  sequence: number;
  readonly added: Map<string, Buffer>;
  readonly removed: Map<string, Buffer>;
  readonly waitingFor: Set<Peer>;
  settled: Promise<void> | undefined;
  settle: () => void;
  cancelTimeout: Cancel;
}

const nothing = () => {};

/**
 * Tells the peers which topics this node has subscribers for: the whole set when a link opens, then what changed,
 * batched per turn of the event loop and numbered. Links are told in one order, so an acknowledgement of a number
 * covers everything before it.
 */
export class InterestSync<Peer extends Announcee> {
  readonly topics: LocalTopics;
  readonly #peers = new Set<Peer>();
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #counters: Counters;
  readonly #atTurnEnd: (announce: () => void) => void;
  #sequence = 0;
  #open: Batch<Peer> | undefined;
  #sent: Batch<Peer>[] = [];

  constructor(
    topics: LocalTopics,
    clock: Clock,
    atTurnEnd: (announce: () => void) => void,
    timeoutMs: number,
    counters: Counters,
  ) {
    this.topics = topics;
    this.#clock = clock;
    this.#atTurnEnd = atTurnEnd;
    this.#timeoutMs = timeoutMs;
    this.#counters = counters;
  }

  /** Resolves when every peer linked now has heard; undefined when there is nobody to tell. */
  subscribe(topic: string): Promise<void> | undefined {
    const bytes = this.topics.add(topic);
    if (bytes === undefined) {
      if (this.topics.has(topic)) return this.#pendingOf(topic);
      this.#counters.topics_unannounceable += 1;
      return undefined;
    }
    if (this.#peers.size === 0) return undefined;
    const batch = this.#batch();
    batch.removed.delete(topic);
    batch.added.set(topic, bytes);
    batch.settled ??= new Promise((resolve) => {
      batch.settle = resolve;
    });
    return batch.settled;
  }

  unsubscribe(topic: string): void {
    const bytes = this.topics.remove(topic);
    if (bytes === undefined || this.#peers.size === 0) return;
    const batch = this.#batch();
    batch.added.delete(topic);
    batch.removed.set(topic, bytes);
  }

  /** A link opened: it gets the whole set, and from now on every change. Returns the number to be acknowledged. */
  addPeer(peer: Peer): number {
    this.#sequence += 1;
    for (const frame of encodeInterest(this.#sequence, true, this.topics.bytes(), [])) {
      peer.sendFrame(frame);
      this.#counters.interest_out += 1;
    }
    this.#peers.add(peer);
    return this.#sequence;
  }

  /** A link died: nobody waits for it any more. */
  removePeer(peer: Peer): void {
    if (!this.#peers.delete(peer)) return;
    for (const batch of this.#sent) batch.waitingFor.delete(peer);
    this.#settleHeard();
    if (this.#peers.size === 0 && this.#open !== undefined) {
      const batch = this.#open;
      this.#open = undefined;
      batch.settle();
    }
  }

  /** A peer has heard everything up to `sequence`. */
  onAck(peer: Peer, sequence: number): void {
    for (const batch of this.#sent) {
      if (batch.sequence <= sequence) batch.waitingFor.delete(peer);
    }
    this.#settleHeard();
  }

  /** Lets go of everyone who waits. */
  stop(): void {
    const batches = this.#open === undefined ? this.#sent : [...this.#sent, this.#open];
    this.#sent = [];
    this.#open = undefined;
    this.#peers.clear();
    for (const batch of batches) this.#finish(batch);
  }

  /** The promise of the batch that announces `topic`, while somebody has not heard of it. */
  #pendingOf(topic: string): Promise<void> | undefined {
    if (this.#open?.added.has(topic)) return this.#open.settled;
    return this.#sent.findLast((batch) => batch.added.has(topic))?.settled;
  }

  #batch(): Batch<Peer> {
    if (this.#open !== undefined) return this.#open;
    const batch: Batch<Peer> = {
      sequence: 0,
      added: new Map(),
      removed: new Map(),
      waitingFor: new Set(),
      settled: undefined,
      settle: nothing,
      cancelTimeout: nothing,
    };
    this.#open = batch;
    this.#atTurnEnd(() => this.#announce(batch));
    return batch;
  }

  #announce(batch: Batch<Peer>): void {
    if (this.#open !== batch) return;
    this.#open = undefined;
    this.#sequence += 1;
    batch.sequence = this.#sequence;
    const frames = encodeInterest(batch.sequence, false, batch.added.values(), batch.removed.values());
    for (const peer of this.#peers) {
      for (const frame of frames) {
        peer.sendFrame(frame);
        this.#counters.interest_out += 1;
      }
    }
    if (batch.settled === undefined) return;
    for (const peer of this.#peers) batch.waitingFor.add(peer);
    batch.cancelTimeout = this.#clock.after(this.#timeoutMs, () => this.#onTimeout(batch));
    this.#sent.push(batch);
  }

  #settleHeard(): void {
    const heard = this.#sent.filter((batch) => batch.waitingFor.size === 0);
    if (heard.length === 0) return;
    this.#sent = this.#sent.filter((batch) => batch.waitingFor.size > 0);
    for (const batch of heard) this.#finish(batch);
  }

  #onTimeout(batch: Batch<Peer>): void {
    this.#counters.interest_timeouts += 1;
    this.#sent = this.#sent.filter((other) => other !== batch);
    batch.settle();
  }

  #finish(batch: Batch<Peer>): void {
    batch.cancelTimeout();
    batch.settle();
  }
}
