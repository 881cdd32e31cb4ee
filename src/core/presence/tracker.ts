import type { JsonObject } from "../shared/json.js";
import { DiffBuilder } from "./diff.js";
import type { ReplicaStatus, TrackerEffect } from "./effect.js";
import type { Owner } from "./entry.js";
import type { Fragment, Known } from "./fragment.js";
import { Liveness } from "./liveness.js";
import * as local from "./local-ops.js";
import type { Message } from "./message.js";
import type { TrackerOptions } from "./options.js";
import type { ReplicaId } from "./replica-id.js";
import { PresenceState } from "./state.js";
import { Sync } from "./sync.js";
import { Timetable } from "./timetable.js";
import type { TopicIndex } from "./topic-index.js";
import { clocksOf, knownBy, transferFor } from "./transfer.js";

/** What a tracker is made of. */
export interface TrackerParts {
  readonly self: ReplicaId;
  readonly options: TrackerOptions;
  /** Makes a ref that no other call on any node makes. */
  readonly newRef: () => string;
}

/**
 * One replica of the presences: takes local operations, messages of other trackers, and time; answers with effects.
 *
 * `now` is in milliseconds and MUST NOT go backwards. After every call the caller MUST take the effects and carry
 * them out in order, and call `tick` at `nextDueAt` or later.
 */
export class Tracker {
  readonly self: ReplicaId;
  readonly #options: TrackerOptions;
  readonly #state: PresenceState;
  readonly #ops: local.LocalOps;
  readonly #liveness: Liveness;
  readonly #sync: Sync;
  readonly #timetable: Timetable;
  #effects: TrackerEffect[] = [];
  /** The own clock up to which deltas were sent. */
  #flushed = 0;

  constructor({ self, options, newRef }: TrackerParts) {
    this.self = self;
    this.#options = options;
    this.#state = new PresenceState(self, options);
    this.#ops = { state: this.#state, limits: options, newRef };
    this.#liveness = new Liveness(self, options);
    this.#sync = new Sync(this.#state, options.transferTimeoutMs);
    this.#timetable = new Timetable(options);
  }

  /** What is present, on all nodes. */
  get topics(): TopicIndex {
    return this.#state.topics;
  }

  /** The replicated set, for tests and gauges. */
  get state(): PresenceState {
    return this.#state;
  }

  /** When to call `tick`; undefined while not running. */
  get nextDueAt(): number | undefined {
    return this.#timetable.nextDueAt;
  }

  /** Takes what is to be done. */
  takeEffects(): readonly TrackerEffect[] {
    const taken = this.#effects;
    this.#effects = [];
    return taken;
  }

  /** Begins to speak. `jitter` in [0, 1) puts the ticks of nodes that start together apart. */
  start(now: number, jitter: number): void {
    this.#timetable.start(now, jitter);
    this.#heartbeat();
  }

  /** Sends what is still to be sent; with `permdownOnShutdown`, takes leave, and peers drop the entries at once. */
  stop(): void {
    this.#flush();
    if (this.#options.permdownOnShutdown) this.#broadcast({ type: "goodbye", from: this.self });
    this.#timetable.stop();
  }

  track(owner: Owner, topic: string, key: string, meta: JsonObject, now: number): local.TrackResult {
    return this.#change(now, (diff) => local.track(this.#ops, owner, topic, key, meta, diff));
  }

  update(owner: Owner, topic: string, key: string, change: local.MetaChange, now: number): local.TrackResult {
    return this.#change(now, (diff) => local.update(this.#ops, owner, topic, key, change, diff));
  }

  /** Removes a presence; nothing happens when there is none. */
  untrack(owner: Owner, topic: string, key: string, now: number): void {
    this.#change(now, (diff) => {
      const entry = this.#state.owners.get(owner, topic, key);
      if (entry !== undefined) this.#state.remove(owner, entry, diff);
    });
  }

  /** Removes all presences of an owner that ended. */
  untrackOwner(owner: Owner, now: number): void {
    this.#change(now, (diff) => {
      for (const entry of this.#state.owners.of(owner)) this.#state.remove(owner, entry, diff);
    });
  }

  /** The engine has a new way to some node: says what is known here, so that both sides notice gaps soon. */
  announce(): void {
    if (this.#timetable.running) this.#heartbeat();
  }

  /** The engine lost the way to a node. */
  nodeLost(name: string, now: number): void {
    this.#liveness.lost(name, now);
  }

  /** Does whatever is due. Early and late calls do no harm. */
  tick(now: number): void {
    if (!this.#timetable.running) return;
    const due = this.#timetable.due(now);
    if (due.pausedMs > 0) this.#liveness.excuse(due.pausedMs, now);
    if (due.flush) this.#flush();
    if (due.heartbeat) this.#heartbeat();
    if (due.repair) this.#askForMissing(now);
    if (due.detect) this.#detectSilent(now);
  }

  receive(message: Message, now: number): void {
    if (!this.#timetable.running) return;
    const diff = new DiffBuilder();
    if (message.type === "goodbye") this.#goodbye(message.from, now, diff);
    else if (this.#hear(message.from, now, diff)) this.#handle(message, now, diff);
    this.#report(diff);
  }

  #handle(message: Exclude<Message, { type: "goodbye" }>, now: number, diff: DiffBuilder): void {
    switch (message.type) {
      case "delta":
        this.#state.merge(message.fragment, diff);
        // Also after a gap or a refusal: then its own clock is ahead of what is known here.
        this.#repairIf(this.#sync.noteOwn(message.from, message.fragment.to), now);
        return;
      case "heartbeat":
        this.#repairIf(this.#sync.note(message.from, message.clocks), now);
        return;
      case "request":
        this.#send(message.from, transferFor(this.#state, message, this.#options.messageBytesMax));
        return;
      case "transfer":
        this.#takeTransfer(message.from, message.fragments, message.more, now, diff);
        return;
      default:
        message satisfies never;
    }
  }

  /** Returns whether the rest of the message is worth reading. */
  #hear(id: ReplicaId, now: number, diff: DiffBuilder): boolean {
    const heard = this.#liveness.heard(id, now);
    if (heard.type === "ignored") {
      if (heard.fault !== undefined) this.#effects.push({ type: "fault", replica: id, fault: heard.fault });
      return false;
    }
    if (heard.type === "up") {
      if (heard.replaced !== undefined) this.#forget(heard.replaced, diff);
      this.#status(id, "up");
      this.#state.replicaUp(id, diff);
      // It may not know this replica, and ignores all entries of replicas that it has not heard.
      this.#send(id, this.#heartbeatMessage());
    }
    return true;
  }

  #goodbye(id: ReplicaId, now: number, diff: DiffBuilder): void {
    if (id !== this.self && this.#liveness.ended(id, now)) this.#forget(id, diff);
  }

  #forget(id: ReplicaId, diff: DiffBuilder): void {
    this.#state.forget(id, diff);
    this.#sync.done(id);
    this.#status(id, "permdown");
  }

  #detectSilent(now: number): void {
    const diff = new DiffBuilder();
    const { down, gone } = this.#liveness.detect(now);
    for (const id of down) {
      this.#state.replicaDown(id, diff);
      this.#sync.done(id);
      this.#status(id, "down");
    }
    for (const id of gone) this.#forget(id, diff);
    this.#report(diff);
  }

  #repairIf(missing: boolean, now: number): void {
    if (missing) this.#timetable.repairSoon(now);
  }

  #askForMissing(now: number): void {
    for (const id of this.#sync.sources(now)) this.#ask(id, now);
  }

  #ask(id: ReplicaId, now: number): void {
    this.#sync.asking(id, now);
    this.#send(id, { type: "request", from: this.self, known: knownBy(this.#state) });
  }

  #takeTransfer(
    from: ReplicaId,
    fragments: readonly Fragment[],
    more: boolean,
    now: number,
    diff: DiffBuilder,
  ): void {
    const before = knownBy(this.#state);
    for (const fragment of fragments) this.#state.merge(fragment, diff);
    this.#sync.answered(from);
    // Asking on without having come further would never end.
    if (more && fragments.some(({ replica }) => this.#advanced(replica, before.get(replica)))) {
      this.#ask(from, now);
    } else this.#sync.done(from);
  }

  #advanced(id: ReplicaId, before: Known | undefined): boolean {
    const view = this.#state.view(id);
    if (view === undefined || before === undefined) return false;
    return view.context > before.clock || view.cursor !== before.cursor;
  }

  #change<R>(now: number, operate: (diff: DiffBuilder) => R): R {
    const diff = new DiffBuilder();
    const result = operate(diff);
    if (this.#state.clock > this.#flushed) this.#timetable.flushSoon(now);
    this.#report(diff);
    return result;
  }

  #flush(): void {
    let known: Known = { clock: this.#flushed, cursor: undefined };
    while (known.clock < this.#state.clock) {
      const extract = this.#state.extract(this.self, known, this.#options.messageBytesMax);
      if (extract === undefined) break;
      const { fragment } = extract;
      this.#broadcast({ type: "delta", from: this.self, fragment });
      // A slice that had to start lower is the first of everything, and the others continue it.
      const continues = fragment.from < known.clock || known.cursor !== undefined;
      const cursor = continues ? { upTo: fragment.to, facts: fragment.facts } : undefined;
      known = { clock: fragment.to, cursor };
    }
    this.#flushed = this.#state.clock;
  }

  #heartbeat(): void {
    this.#broadcast(this.#heartbeatMessage());
  }

  #heartbeatMessage(): Message {
    const clocks = clocksOf(this.#state, (id) => this.#liveness.isUp(id));
    // What was not sent yet must not look like a gap.
    return { type: "heartbeat", from: this.self, clocks: clocks.set(this.self, this.#flushed) };
  }

  #report(builder: DiffBuilder): void {
    const diff = builder.build();
    if (diff.size > 0) this.#effects.push({ type: "diff", diff });
  }

  #status(replica: ReplicaId, status: ReplicaStatus): void {
    this.#effects.push({ type: "replica", replica, status });
  }

  #broadcast(message: Message): void {
    this.#effects.push({ type: "broadcast", message });
  }

  #send(to: ReplicaId, message: Message): void {
    this.#effects.push({ type: "send", to, message });
  }
}
