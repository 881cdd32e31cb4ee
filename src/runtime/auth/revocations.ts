import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import {
  type Revocable,
  type RevocationDigest,
  type RevocationEntry,
  type RevocationLimits,
  RevocationTable,
} from "../../core/auth/revocation-table.js";
import type { Broadcast } from "../broadcast.js";
import type { PubSub, Subscriber } from "../pubsub.js";
import {
  decodeRevocations,
  ENTRIES_PER_MESSAGE,
  encodeRevocations,
  REVOCATION_TOPIC,
  type RevocationMessage,
} from "./revocation-wire.js";

/** What the revocations of a node need around them. */
export interface RevocationContext {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Closes the sockets whose token is revoked now. */
  sweep(): void;
}

/** Limits and times of a node's revocations. */
export interface RevocationSettings extends RevocationLimits {
  /** Milliseconds between two summaries for other nodes, which find out by them what they have missed. */
  readonly syncIntervalMs: number;
}

/** Milliseconds between two looks at all sockets, however many revocations come. */
const SWEEP_GAP_MS = 100;
/** A node that heard of a difference says what it has within this: not all of them at the same moment. */
const DIGEST_JITTER_MS = 200;
/** Milliseconds that a node waits for what it asked another one for, before it asks again. */
const PULL_GAP_MS = 500;

/**
 * Who is not to be let in any more, on this node and on all others. A revocation goes to every node at once. As that
 * may be lost, nodes with revocations tell each other from time to time what they have, in short; who sees that
 * another one has something else asks for it.
 */
export class Revocations implements Subscriber {
  readonly #context: RevocationContext;
  readonly #settings: RevocationSettings;
  readonly #table: RevocationTable;
  readonly #cancels: Cancel[] = [];
  #started = false;
  #stopped = false;
  #sweepPlanned = false;
  #lastSweepMs = Number.NEGATIVE_INFINITY;
  #digestPlanned = false;
  #lastPullMs = Number.NEGATIVE_INFINITY;

  constructor(settings: RevocationSettings, context: RevocationContext) {
    this.#settings = settings;
    this.#context = context;
    this.#table = new RevocationTable(settings);
  }

  /** Entries that are remembered. */
  get size(): number {
    return this.#table.size;
  }

  /** What is remembered, in short: two nodes that say the same remember the same. */
  summary(): RevocationDigest {
    return this.#table.digest();
  }

  /** Whether such a token is not to be let in any more. */
  revokes(revocable: Revocable): boolean {
    return this.#table.revokes(revocable);
  }

  /** Resolves when this node hears of what others revoke from now on. Twice is once. */
  async start(): Promise<void> {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    const { pubsub, clock } = this.#context;
    this.#cancels.push(
      clock.every(this.#settings.syncIntervalMs, () => this.#tick()),
      pubsub.watch(({ type }) => {
        if (type === "node_up" || type === "engine_up") this.#planDigest();
      }),
    );
    const announced = pubsub.announce(REVOCATION_TOPIC);
    pubsub.subscribe(REVOCATION_TOPIC, this);
    await announced;
    pubsub.release(REVOCATION_TOPIC);
    // A node with nothing asks by that for everything.
    if (!this.#stopped) this.#sendDigest();
  }

  /** Tells and hears nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#context.pubsub.unsubscribe(REVOCATION_TOPIC, this);
  }

  /** Revokes, here and everywhere. Without a key: everything that was issued before. */
  revoke(key: string | undefined, issuedBeforeS: number): void {
    const entries = key === undefined ? [] : [{ key, issuedBeforeS }];
    this.#learn(key === undefined ? issuedBeforeS : 0, entries);
    const everyoneBeforeS = key === undefined ? issuedBeforeS : 0;
    this.#publish({ kind: "entries", everyoneBeforeS, entries });
    void this.start();
  }

  receive(broadcast: Broadcast): void {
    const message = decodeRevocations(broadcast);
    if (message === undefined) {
      this.#context.logger.warn("message from another node is no revocation", { event: broadcast.event });
      return;
    }
    if (message.kind === "entries") this.#learn(message.everyoneBeforeS, message.entries);
    else if (message.kind === "digest") this.#compare(message);
    else if (message.to === this.#context.pubsub.nodeName) this.#answer(message.parts);
  }

  get #nowS(): number {
    return Math.floor(this.#context.clock.now() / 1_000);
  }

  #learn(everyoneBeforeS: number, entries: readonly RevocationEntry[]): void {
    const nowS = this.#nowS;
    const folded = this.#table.folded;
    let learned = this.#table.addEveryone(everyoneBeforeS);
    for (const entry of entries) learned = this.#table.add(entry, nowS) || learned;
    if (this.#table.folded > folded) {
      this.#context.logger.warn("too many revocations: the oldest now revoke everything issued before them", {
        entriesMax: this.#settings.entriesMax,
        everyoneBeforeS: this.#table.everyoneBeforeS,
      });
    }
    if (learned) this.#planSweep();
  }

  #planSweep(): void {
    if (this.#sweepPlanned || this.#stopped) return;
    this.#sweepPlanned = true;
    const { clock } = this.#context;
    const delayMs = Math.max(0, this.#lastSweepMs + SWEEP_GAP_MS - clock.monotonic());
    clock.after(delayMs, () => {
      this.#sweepPlanned = false;
      this.#lastSweepMs = clock.monotonic();
      if (!this.#stopped) this.#context.sweep();
    });
  }

  #tick(): void {
    this.#table.prune(this.#nowS);
    // Who has nothing need not say so: those who have something do.
    if (this.#table.size > 0 || this.#table.everyoneBeforeS > 0) this.#sendDigest();
  }

  #planDigest(): void {
    if (this.#digestPlanned || this.#stopped) return;
    this.#digestPlanned = true;
    const { clock, random } = this.#context;
    clock.after(random.fraction() * DIGEST_JITTER_MS, () => {
      this.#digestPlanned = false;
      if (!this.#stopped) this.#sendDigest();
    });
  }

  #sendDigest(): void {
    this.#publish({ kind: "digest", from: this.#context.pubsub.nodeName, digest: this.#table.digest() });
  }

  #compare({ from, digest }: RevocationMessage & { readonly kind: "digest" }): void {
    if (this.#table.addEveryone(digest.everyoneBeforeS)) this.#planSweep();
    const parts = this.#table.differences(digest);
    if (parts.length === 0 && this.#table.everyoneBeforeS === digest.everyoneBeforeS) return;
    // Both may have what the other lacks: this one asks, and says what it has itself.
    this.#planDigest();
    const nowMs = this.#context.clock.monotonic();
    if (parts.length === 0 || nowMs < this.#lastPullMs + PULL_GAP_MS) return;
    this.#lastPullMs = nowMs;
    this.#publish({ kind: "pull", to: from, parts });
  }

  /** The answer goes to everybody: who asks is seldom alone. */
  #answer(parts: readonly number[]): void {
    const entries = this.#table.entriesOf(parts);
    const { everyoneBeforeS } = this.#table;
    for (let sent = 0; sent < entries.length; sent += ENTRIES_PER_MESSAGE) {
      const some = entries.slice(sent, sent + ENTRIES_PER_MESSAGE);
      this.#publish({ kind: "entries", everyoneBeforeS, entries: some });
    }
  }

  #publish(message: RevocationMessage): void {
    try {
      const payload = encodeRevocations(message);
      this.#context.pubsub.broadcast(REVOCATION_TOPIC, message.kind, payload, this);
    } catch (cause) {
      // The next summary makes up for it.
      this.#context.logger.warn("revocations cannot reach other nodes", { error: String(cause) });
    }
  }
}
