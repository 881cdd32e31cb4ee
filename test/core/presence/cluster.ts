import { decodeMessage, encodeMessage } from "../../../src/core/presence/codec.js";
import type { PresenceDiff } from "../../../src/core/presence/diff.js";
import { DueQueue } from "../../../src/core/presence/due-queue.js";
import type { TrackerEffect } from "../../../src/core/presence/effect.js";
import type { Message } from "../../../src/core/presence/message.js";
import { resolveTrackerOptions, type TrackerOptions } from "../../../src/core/presence/options.js";
import { nameOf, type ReplicaId } from "../../../src/core/presence/replica-id.js";
import { Tracker } from "../../../src/core/presence/tracker.js";
import { refs, rid } from "./support.js";

/** A node: its tracker, and an observer that lives on the diffs alone. */
export class Node {
  readonly tracker: Tracker;
  readonly name: string;
  readonly options: TrackerOptions;
  readonly seen = new Map<string, string>();
  readonly log: { readonly at: number; readonly effect: TrackerEffect }[] = [];
  /** A frozen node does nothing; what arrives waits. */
  frozen = false;
  readonly inbox: string[] = [];

  constructor(name: string, startedAt: number, given: Partial<TrackerOptions>) {
    const resolved = resolveTrackerOptions(given);
    if (!resolved.ok) throw new Error(resolved.reason);
    this.name = name;
    this.options = resolved.options;
    const self = rid(name, startedAt);
    this.tracker = new Tracker({ self, options: resolved.options, newRef: refs(`${name}.${startedAt}.`) });
  }

  /** Takes a diff as an observer; throws when it is not well formed. */
  observe(diff: PresenceDiff): void {
    for (const [topic, { joins, leaves }] of diff) {
      for (const { ref, key } of joins) {
        if (this.seen.has(ref)) throw new Error(`${this.name}: ${ref} joins again`);
        this.seen.set(ref, `${topic} ${key}`);
      }
      for (const { ref } of leaves) {
        if (!this.seen.delete(ref)) throw new Error(`${this.name}: ${ref} leaves and was not there`);
      }
    }
  }

  /** What the tracker lists, as the observer keeps it. */
  listed(): Map<string, string> {
    const listed = new Map<string, string>();
    for (const topic of this.tracker.topics.topics()) {
      for (const [key, list] of this.tracker.topics.list(topic)) {
        for (const { ref } of list) listed.set(ref, `${topic} ${key}`);
      }
    }
    return listed;
  }

  refs(): string[] {
    return [...this.seen.keys()].sort();
  }

  /** Messages that this node sent, of one type. */
  sent<T extends Message["type"]>(type: T, since = 0): Extract<Message, { type: T }>[] {
    const found: Extract<Message, { type: T }>[] = [];
    for (const { at, effect } of this.log) {
      if (at < since || (effect.type !== "broadcast" && effect.type !== "send")) continue;
      // The check of the type is what the cast relies on.
      if (effect.message.type === type) found.push(effect.message as Extract<Message, { type: T }>);
    }
    return found;
  }

  statuses(): string[] {
    return this.log.flatMap(({ effect }) =>
      effect.type === "replica" ? [`${nameOf(effect.replica)} ${effect.status}`] : [],
    );
  }
}

/** What the network does with one message: the delays after which it arrives, none when it is lost. */
export type Fate = (from: string, to: string) => readonly number[];

/** Trackers, a network between them, and a clock. */
export class Cluster {
  readonly nodes = new Map<string, Node>();
  readonly #options: Partial<TrackerOptions>;
  readonly #mail = new DueQueue<{ readonly to: string; readonly text: string }>();
  #starts = 0;
  now = 0;
  fate: Fate = () => [1];

  constructor(options: Partial<TrackerOptions> = {}) {
    this.#options = options;
  }

  start(name: string, jitter = 0): Node {
    const node = new Node(name, ++this.#starts, this.#options);
    this.nodes.set(name, node);
    node.tracker.start(this.now, jitter);
    this.#carryOut(node);
    return node;
  }

  kill(name: string): void {
    this.nodes.delete(name);
  }

  stop(name: string): void {
    const node = this.#node(name);
    node.tracker.stop();
    this.#carryOut(node);
    this.nodes.delete(name);
  }

  freeze(name: string): void {
    this.#node(name).frozen = true;
  }

  thaw(name: string): void {
    const node = this.#node(name);
    node.frozen = false;
    // Timers that became due in between come before anything is read.
    this.#tick(node);
    for (const text of node.inbox.splice(0)) this.#deliver(node, text);
  }

  /** Runs something on a node's tracker now. */
  on<R>(name: string, act: (tracker: Tracker, now: number) => R): R {
    const node = this.#node(name);
    const result = act(node.tracker, this.now);
    this.#carryOut(node);
    return result;
  }

  track(name: string, key: string, topic = "t"): void {
    const result = this.on(name, (tracker, now) => tracker.track(key, topic, key, {}, now));
    if (!result.ok) throw new Error(result.reason);
  }

  untrack(name: string, key: string, topic = "t"): void {
    this.on(name, (tracker, now) => tracker.untrack(key, topic, key, now));
  }

  /** Puts an arbitrary message into a node. */
  inject(to: string, message: Message): void {
    this.#deliver(this.#node(to), encodeMessage(message));
  }

  /** Lets time pass, and all that happens in it. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let next = this.#nextAt(); next <= until; next = this.#nextAt()) {
      this.now = Math.max(this.now, next);
      for (let mail = this.#mail.pop(this.now); mail !== undefined; mail = this.#mail.pop(this.now)) {
        const node = this.nodes.get(mail.to);
        if (node?.frozen) node.inbox.push(mail.text);
        else if (node !== undefined) this.#deliver(node, mail.text);
      }
      for (const node of this.nodes.values()) {
        if (!node.frozen && (node.tracker.nextDueAt ?? Number.POSITIVE_INFINITY) <= this.now)
          this.#tick(node);
      }
    }
    this.now = until;
  }

  #nextAt(): number {
    const due = [this.#mail.nextDueAt ?? Number.POSITIVE_INFINITY];
    for (const { tracker, frozen } of this.nodes.values()) {
      if (!frozen) due.push(tracker.nextDueAt ?? Number.POSITIVE_INFINITY);
    }
    return Math.min(...due);
  }

  #node(name: string): Node {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`${name} does not run`);
    return node;
  }

  #tick(node: Node): void {
    node.tracker.tick(this.now);
    this.#carryOut(node);
  }

  #deliver(node: Node, text: string): void {
    const message = decodeMessage(text);
    if (message === undefined) throw new Error(`unreadable: ${text}`);
    node.tracker.receive(message, this.now);
    this.#carryOut(node);
  }

  #carryOut(node: Node): void {
    for (const effect of node.tracker.takeEffects()) {
      node.log.push({ at: this.now, effect });
      if (effect.type === "diff") node.observe(effect.diff);
      if (effect.type === "broadcast") {
        for (const to of this.nodes.keys()) this.#post(node, to, effect.message);
      }
      if (effect.type === "send" && this.#runs(effect.to))
        this.#post(node, nameOf(effect.to), effect.message);
    }
  }

  /** Each replica listens on a topic of its own. */
  #runs(id: ReplicaId): boolean {
    return this.nodes.get(nameOf(id))?.tracker.self === id;
  }

  #post(from: Node, to: string, message: Message): void {
    if (to === from.name) return;
    const text = encodeMessage(message);
    for (const delay of this.fate(from.name, to)) this.#mail.push(this.now + delay, { to, text });
  }
}

/** Nodes that have met. */
export function met(names: readonly string[], options = {}): Cluster {
  const cluster = new Cluster(options);
  for (const name of names) cluster.start(name);
  cluster.pass(100);
  return cluster;
}

/** A node that runs. */
export function node(cluster: Cluster, name: string): Node {
  const found = cluster.nodes.get(name);
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
}

/** A tracker without company. */
export function alone(given = {}): Tracker {
  const { options } = new Node("a", 1, given);
  const tracker = new Tracker({ self: rid("a"), options, newRef: refs("r") });
  tracker.start(0, 0);
  tracker.takeEffects();
  return tracker;
}
