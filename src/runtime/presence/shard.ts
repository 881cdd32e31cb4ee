import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import { type ClientChange, type ClientState, Delivery } from "../../core/presence/delivery.js";
import type { TopicDiff } from "../../core/presence/diff.js";
import type { TrackerEffect } from "../../core/presence/effect.js";
import type { ReplicaId } from "../../core/presence/replica-id.js";
import { Tracker } from "../../core/presence/tracker.js";
import { presenceCount, presenceEvents } from "../../core/protocol/presence.js";
import type { PubSub } from "../pubsub.js";
import { isPromise, type MaybePromise } from "../result.js";
import { type FetchedDiff, Fetcher, plainDiff } from "./fetcher.js";
import { MetaView } from "./meta-view.js";
import type { PresenceNode } from "./presence-types.js";
import { Releases } from "./releases.js";
import type { PresenceSettings } from "./settings.js";
import { ShardLink } from "./shard-link.js";

/** What a shard is made of. */
export interface ShardParts {
  readonly settings: PresenceSettings;
  readonly shard: number;
  readonly self: ReplicaId;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly newRef: () => string;
  /** Told after something changed that clients or callers can see. */
  readonly changed: () => void;
}

/** How a client that joins is to be told who is there. */
export interface StatePush {
  push(event: string, payload: object): void;
}

/**
 * One tracker put to work: carries out its effects, drives it by the clock, and tells this node's clients.
 *
 * What the tracker says is taken in at once; what may run the application's code goes through `Releases`, outside
 * of dispatches. So callbacks may call whatever they like, and clients are told in order all the same.
 */
export class Shard {
  readonly tracker: Tracker;
  readonly link: ShardLink;
  readonly fetcher: Fetcher;
  readonly #parts: ShardParts;
  readonly #delivery: Delivery;
  readonly #releases: Releases;
  readonly #view = new MetaView();
  readonly #node: PresenceNode;
  #timer: { readonly dueAt: number; readonly cancel: Cancel } | undefined = undefined;
  #stopped = false;
  diffs = 0;

  constructor(parts: ShardParts) {
    const { settings, self, pubsub, clock, logger, newRef } = parts;
    this.#parts = parts;
    this.tracker = new Tracker({ self, options: settings.tracker, newRef });
    this.#delivery = new Delivery({
      index: this.tracker.topics,
      policyOf: settings.policyOf,
      limits: settings.delivery,
    });
    this.fetcher = new Fetcher(settings.fetch, settings.limits, clock, logger);
    this.#releases = new Releases((cause) => this.#reportCrash(cause));
    this.link = new ShardLink({
      pubsub,
      logger,
      self,
      name: settings.name,
      shard: parts.shard,
      receive: (message) => this.run((now) => this.tracker.receive(message, now)),
    });
    this.#node = {
      name: pubsub.nodeName,
      broadcast: (topic, event, payload) => pubsub.broadcast(topic, event, payload),
      localBroadcast: (topic, event, payload) => pubsub.localBroadcast(topic, event, payload),
    };
  }

  /** Joins and leaves that clients have yet to be told. */
  get waiting(): number {
    return this.#delivery.waiting + this.#releases.length;
  }

  /** Starts to speak; `jitter` in [0, 1). */
  async start(jitter: number): Promise<void> {
    await this.link.open();
    if (!this.#stopped) this.run((now) => this.tracker.start(now, jitter));
  }

  /** Says what is still to be said, and takes leave. */
  stop(): void {
    if (this.#stopped) return;
    this.run(() => this.tracker.stop());
    this.#stopped = true;
    this.#timer?.cancel();
    this.fetcher.stop();
    this.link.close();
  }

  /** Runs an operation on the tracker, and does what follows from it. */
  run<R>(operate: (now: number) => R): R {
    const now = this.#parts.clock.monotonic();
    const result = operate(now);
    for (const effect of this.tracker.takeEffects()) this.#carryOut(effect, now);
    this.#settle();
    return result;
  }

  /** Pushes what a client that joins `topic` now is to be told, in order with the diffs. */
  pushState(topic: string, client: StatePush): void {
    const state = this.#delivery.stateFor(topic);
    this.#releases.add(() => this.#preparePush(topic, state, client));
    this.#settle();
  }

  #preparePush(topic: string, { entries, count }: ClientState, client: StatePush): MaybePromise<() => void> {
    const release = (presences: object | undefined) => (): void => {
      if (presences !== undefined) client.push(presenceEvents.state, presences);
      if (count !== undefined) client.push(presenceEvents.count, presenceCount(count));
    };
    const fetched = entries === undefined ? undefined : this.fetcher.entries(topic, entries);
    return isPromise(fetched) ? fetched.then(release) : release(fetched);
  }

  #carryOut(effect: TrackerEffect, now: number): void {
    const { logger } = this.#parts;
    switch (effect.type) {
      case "broadcast":
        return this.link.broadcast(effect.message);
      case "send":
        return this.link.send(effect.to, effect.message);
      case "diff":
        this.diffs += 1;
        // At once: the delivery reads the tracker's index, which must not be further than the diffs.
        this.#delivery.push(effect.diff, now);
        return this.#tell(effect.diff);
      case "replica":
        return logger.debug("presence replica", { replica: effect.replica, status: effect.status });
      case "fault":
        return logger.warn("presence replica ignored", { replica: effect.replica, fault: effect.fault });
      default:
        effect satisfies never;
    }
  }

  /** Queues what clients are to be sent, and each topic of `diff` for `handleMetas` behind it. */
  #tell(diff: ReadonlyMap<string, TopicDiff>): void {
    // Where clients are sent the very diff, it is fetched once for both.
    const fetches = new Map<TopicDiff, () => MaybePromise<FetchedDiff>>();
    const fetch = (topic: string, one: TopicDiff): (() => MaybePromise<FetchedDiff>) => {
      const made = fetches.get(one) ?? once(() => this.fetcher.diff(topic, one));
      fetches.set(one, made);
      return made;
    };
    for (const change of this.#delivery.takeChanges()) {
      const { topic, diff: told } = change;
      const fetched = told === undefined ? undefined : fetch(topic, told);
      this.#releases.add(() => after(fetched?.(), (late) => this.#send(change, late)));
    }
    if (this.#parts.settings.handleMetas === undefined) return;
    for (const [topic, one] of diff) {
      const fetched = fetch(topic, one);
      this.#releases.add(() => after(fetched(), (late) => this.#handleMetas(topic, one, late)));
    }
  }

  #send({ topic, diff, count }: ClientChange, fetched: FetchedDiff | undefined): void {
    const { pubsub } = this.#parts;
    if (diff !== undefined && fetched !== undefined) {
      try {
        pubsub.localBroadcast(topic, presenceEvents.diff, fetched);
      } catch (cause) {
        // What `fetch` added is no JSON. Without any diff, clients would show ghosts.
        this.#reportCrash(cause);
        pubsub.localBroadcast(topic, presenceEvents.diff, plainDiff(diff));
      }
    }
    if (count !== undefined) pubsub.localBroadcast(topic, presenceEvents.count, presenceCount(count));
  }

  #handleMetas(topic: string, diff: TopicDiff, fetched: FetchedDiff): void {
    const present = this.#view.apply(topic, diff);
    this.#parts.settings.handleMetas?.(topic, fetched, present, this.#node);
  }

  #reportCrash(cause: unknown): void {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#parts.logger.error("presence callback crashed", { presence: this.#parts.settings.name, error });
  }

  #settle(): void {
    const { pubsub, changed } = this.#parts;
    if (this.#releases.length > 0) pubsub.afterDispatch(() => this.#releases.run());
    this.#arm();
    changed();
  }

  #arm(): void {
    const dueAt = Math.min(
      this.tracker.nextDueAt ?? Number.POSITIVE_INFINITY,
      this.#delivery.nextDueAt ?? Number.POSITIVE_INFINITY,
    );
    if (this.#stopped || dueAt === Number.POSITIVE_INFINITY) return;
    if (this.#timer !== undefined && this.#timer.dueAt <= dueAt) return;
    this.#timer?.cancel();
    const { clock } = this.#parts;
    const delayMs = Math.max(0, Math.ceil(dueAt - clock.monotonic()));
    this.#timer = { dueAt, cancel: clock.after(delayMs, () => this.#tick()) };
  }

  #tick(): void {
    this.#timer = undefined;
    this.run((now) => {
      this.tracker.tick(now);
      this.#delivery.tick(now);
      this.#tell(new Map());
    });
  }
}

/** Calls `make` at the first call, and remembers. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** What is to be done with a value that may be late. */
function after<T>(value: MaybePromise<T>, act: (value: T) => void): MaybePromise<() => void> {
  return isPromise(value) ? value.then((late) => () => act(late)) : () => act(value);
}
