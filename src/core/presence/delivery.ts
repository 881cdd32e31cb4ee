import { type PresenceDiff, TopicChanges, type TopicDiff } from "./diff.js";
import { DueQueue } from "./due-queue.js";
import type { KeyedEntries } from "./entry.js";
import { Grace } from "./grace.js";
import { PresentTopics } from "./present-topics.js";
import { ShownKeys } from "./shown-keys.js";
import { splitDiff } from "./split-diff.js";
import type { Count, TopicIndex } from "./topic-index.js";
import type { TopicPolicy } from "./topic-policy.js";

/** What the clients of one topic are to be sent. At least one of the two is there. */
export interface ClientChange {
  readonly topic: string;
  readonly diff: TopicDiff | undefined;
  readonly count: Count | undefined;
}

/** What a client that joins is to be sent. */
export interface ClientState {
  /** Undefined where nobody is shown by name. */
  readonly entries: KeyedEntries | undefined;
  /** Undefined where clients see everybody, and can count themselves. */
  readonly count: Count | undefined;
}

/** Bounds of what waits for clients. */
export interface DeliveryLimits {
  /** Leaves held back, over all topics; beyond that they pass at once. */
  readonly graceHeldMax: number;
  /** Joins and leaves in one coalesced diff; more make several diffs, and do not wait for the window's end. */
  readonly diffEntriesMax: number;
}

/** What each limit is unless given. */
export const deliveryDefaults: DeliveryLimits = { graceHeldMax: 100_000, diffEntriesMax: 1_000 };

/** What a delivery is made of. */
export interface DeliveryParts {
  /** What is present; read when changes are told, so it MUST be no further than the diffs pushed. */
  readonly index: TopicIndex;
  readonly policyOf: (topic: string) => TopicPolicy;
  readonly limits: DeliveryLimits;
}

const nobody: Count = { keys: 0, metas: 0 };

type WindowedPolicy = Exclude<TopicPolicy, { readonly mode: "every" }>;

/** A topic that has something to tell at the end of its window. */
interface Window {
  readonly changes: TopicChanges;
  readonly policy: WindowedPolicy;
}

/**
 * Between the diffs of a tracker and the clients of its node: holds back leaves, puts diffs together, or counts
 * only, as each topic's policy says. Takes diffs in order; the caller MUST take the changes after every call and
 * call `tick` at `nextDueAt` or later.
 */
export class Delivery {
  readonly #policyOf: (topic: string) => TopicPolicy;
  readonly #limits: DeliveryLimits;
  readonly #grace: Grace;
  readonly #present: PresentTopics;
  readonly #windows = new Map<string, Window>();
  readonly #shown = new Map<string, ShownKeys>();
  /** The counts that clients know, so that nobody is told the same twice. */
  readonly #told = new Map<string, Count>();
  readonly #due = new DueQueue<string>();
  #changes: ClientChange[] = [];

  constructor({ index, policyOf, limits }: DeliveryParts) {
    this.#policyOf = policyOf;
    this.#limits = limits;
    this.#grace = new Grace(limits.graceHeldMax);
    this.#present = new PresentTopics(index, this.#grace);
  }

  /** When to call `tick`; undefined while nothing waits. */
  get nextDueAt(): number | undefined {
    const windows = this.#due.nextDueAt;
    const grace = this.#grace.nextDueAt;
    if (windows === undefined || grace === undefined) return windows ?? grace;
    return Math.min(windows, grace);
  }

  /** Joins and leaves that wait for the end of a window or of a grace period; for gauges. */
  get waiting(): number {
    let waiting = this.#grace.size;
    for (const { changes } of this.#windows.values()) waiting += changes.size;
    for (const shown of this.#shown.values()) waiting += shown.waiting;
    return waiting;
  }

  /** What clients take for present, leaves held back included. */
  get present(): PresentTopics {
    return this.#present;
  }

  /** Takes what is to be sent, in order. */
  takeChanges(): readonly ClientChange[] {
    const taken = this.#changes;
    this.#changes = [];
    return taken;
  }

  push(diff: PresenceDiff, now: number): void {
    for (const [topic, changes] of diff) {
      const policy = this.#policyOf(topic);
      this.#deliver(topic, this.#grace.filter(topic, changes, policy.graceMs, now), policy, now);
    }
  }

  tick(now: number): void {
    for (const [topic, leaves] of this.#grace.expire(now)) {
      this.#deliver(topic, { joins: [], leaves }, this.#policyOf(topic), now);
    }
    for (let topic = this.#due.pop(now); topic !== undefined; topic = this.#due.pop(now)) {
      this.#closeWindow(topic);
    }
  }

  /**
   * What a client that joins `topic` now is to be sent: all that the others have been told, so that what they will
   * be told fits on. What still waits for the end of a window is not in it.
   */
  stateFor(topic: string): ClientState {
    const policy = this.#policyOf(topic);
    switch (policy.mode) {
      case "every":
        return { entries: this.#present.list(topic), count: undefined };
      case "coalesced": {
        const present = this.#present.list(topic);
        return { entries: this.#windows.get(topic)?.changes.undo(present) ?? present, count: undefined };
      }
      case "counts":
        return { entries: undefined, count: this.#toldCount(topic) };
      case "first":
        return { entries: this.#toldShown(topic, policy.first), count: this.#toldCount(topic) };
    }
  }

  #deliver(topic: string, diff: TopicDiff, policy: TopicPolicy, now: number): void {
    if (diff.joins.length === 0 && diff.leaves.length === 0) return;
    if (policy.mode === "every") {
      this.#changes.push({ topic, diff, count: undefined });
      return;
    }
    const window = this.#windowOf(topic, policy, now);
    if (window.policy.mode === "first") this.#shownKeys(topic, window.policy.first).absorb(diff);
    if (window.policy.mode !== "coalesced") return;
    window.changes.absorb(diff);
    if (window.changes.size < this.#limits.diffEntriesMax) return;
    this.#tellDiff(topic, window.changes.take());
  }

  #windowOf(topic: string, policy: WindowedPolicy, now: number): Window {
    let window = this.#windows.get(topic);
    if (window === undefined) {
      window = { changes: new TopicChanges(), policy };
      this.#windows.set(topic, window);
      this.#due.push(now + policy.windowMs, topic);
    }
    return window;
  }

  #closeWindow(topic: string): void {
    const window = this.#windows.get(topic);
    this.#windows.delete(topic);
    if (window?.policy.mode === "coalesced") this.#tellDiff(topic, window.changes.take());
    else if (window !== undefined) this.#tellCount(topic);
  }

  #tellDiff(topic: string, diff: TopicDiff): void {
    if (diff.joins.length === 0 && diff.leaves.length === 0) return;
    for (const part of splitDiff(diff, this.#limits.diffEntriesMax)) {
      this.#changes.push({ topic, diff: part, count: undefined });
    }
  }

  #tellCount(topic: string): void {
    const count = this.#present.count(topic);
    const told = this.#told.get(topic);
    const news = count.keys !== (told?.keys ?? 0) || count.metas !== (told?.metas ?? 0);
    const shown = this.#shown.get(topic)?.take();
    const diff = shown !== undefined && shown.joins.length + shown.leaves.length > 0 ? shown : undefined;
    if (count.metas > 0) this.#told.set(topic, count);
    else {
      this.#told.delete(topic);
      this.#shown.delete(topic);
    }
    if (news || diff !== undefined) this.#changes.push({ topic, diff, count: news ? count : undefined });
  }

  #shownKeys(topic: string, first: number): ShownKeys {
    let shown = this.#shown.get(topic);
    if (shown === undefined) {
      shown = new ShownKeys(topic, first, this.#present);
      this.#shown.set(topic, shown);
    }
    return shown;
  }

  #toldCount(topic: string): Count {
    return this.#windows.has(topic) ? (this.#told.get(topic) ?? nobody) : this.#present.count(topic);
  }

  #toldShown(topic: string, first: number): KeyedEntries {
    let shown = this.#shown.get(topic);
    if (shown === undefined) {
      if (this.#present.count(topic).metas === 0) return new Map();
      // The topic had another policy until now.
      shown = this.#shownKeys(topic, first);
      shown.fill();
    }
    return shown.told();
  }
}
