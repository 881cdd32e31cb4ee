import type { Clock } from "../contracts/clock.js";
import type { Logger } from "../contracts/logger.js";
import type { PubSubAdapter, PubSubEvent } from "../contracts/pubsub-adapter.js";
import type { Random } from "../contracts/random.js";
import { Fifo } from "../core/shared/fifo.js";
import { Broadcast } from "./broadcast.js";

/** Somebody who listens to a topic on this node. */
export interface Subscriber {
  /**
   * `from` is the subscriber that a broadcast leaves out: it is told to those who stand for another.
   * MUST NOT throw, and MUST NOT run code of the application: that goes through {@link PubSub.afterDispatch}.
   */
  receive(broadcast: Broadcast, from?: Subscriber): void;
}

/** Deferred work that runs in one turn of the event loop. */
const DEFERRED_PER_TURN = 1_000;

/** A topic wanted on this node. */
interface Interest {
  readonly subscribers: Set<Subscriber>;
  /** Pending while other nodes have yet to hear of the topic. */
  announced: Promise<void> | undefined;
  /** Joins under way that wait for `announced`. */
  holds: number;
}

/** What PubSub needs from its node. */
export interface PubSubContext {
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/**
 * Topics and their subscribers: the local registry, and the adapter for the other nodes. At most once, no replay;
 * a subscriber gets one publisher's messages in the order they were published.
 */
export class PubSub {
  readonly nodeName: string;
  readonly #adapter: PubSubAdapter;
  readonly #context: PubSubContext;
  readonly #topics = new Map<string, Interest>();
  readonly #watchers = new Set<(event: PubSubEvent) => void>();
  /** Dispatches under way; more than one only when a receiver breaks its contract. */
  #dispatching = 0;
  /** The application's work that dispatches have brought; it is run in order, never inside of a dispatch. */
  readonly #deferred = new Fifo<() => void>();
  #running = false;
  #undecodable = 0;

  constructor(adapter: PubSubAdapter, context: PubSubContext) {
    this.#adapter = adapter;
    this.#context = context;
    this.nodeName = context.nodeName;
  }

  /** Starts the adapter. Rejects with its `SimurghError`. */
  start(): Promise<void> {
    const { nodeName, clock, random, logger } = this.#context;
    return this.#adapter.start({
      nodeName,
      clock,
      random,
      logger,
      deliver: (topic, data) => this.#deliver(topic, data),
      changed: (event) => this.#changed(event),
    });
  }

  #changed(event: PubSubEvent): void {
    for (const watcher of [...this.#watchers]) {
      try {
        watcher(event);
      } catch (cause) {
        this.#context.logger.error("watcher crashed", { event: event.type, error: String(cause) });
      }
    }
  }

  /** Stops the adapter; local delivery goes on. */
  stop(): Promise<void> {
    return this.#adapter.stop();
  }

  /** Calls `watcher` when a node or the engine comes or goes, until the returned function is called. */
  watch(watcher: (event: PubSubEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Name of the engine between the nodes. */
  get engine(): string {
    return this.#adapter.engine;
  }

  /** Whether messages can reach other nodes now. */
  get healthy(): boolean {
    return this.#adapter.healthy;
  }

  /** Names of the other nodes that are reachable now. */
  nodes(): readonly string[] {
    return this.#adapter.nodes();
  }

  /** The adapter's counters, and this registry's. */
  stats(): Readonly<Record<string, number>> {
    return { ...this.#adapter.stats(), topics: this.#topics.size, undecodable_messages: this.#undecodable };
  }

  /**
   * Tells other nodes that `topic` is wanted here, ahead of `subscribe`. A promise when they must hear of it first:
   * a broadcast that another node starts after it has settled reaches a subscriber added then. The caller MUST call
   * `release` in the end, after `subscribe` when it subscribes; until then the topic stays wanted.
   */
  announce(topic: string): Promise<void> | undefined {
    const interest = this.#interest(topic);
    interest.holds++;
    return interest.announced;
  }

  /** Ends the hold of an `announce`; without subscribers the topic is not wanted any more. */
  release(topic: string): void {
    const interest = this.#topics.get(topic);
    if (interest === undefined) return;
    interest.holds--;
    this.#dropIfUnused(topic, interest);
  }

  /** Adds a subscriber. A second call with the same one changes nothing. */
  subscribe(topic: string, subscriber: Subscriber): void {
    this.#interest(topic).subscribers.add(subscriber);
  }

  /** Removes a subscriber; unknown ones are fine. */
  unsubscribe(topic: string, subscriber: Subscriber): void {
    const interest = this.#topics.get(topic);
    if (interest?.subscribers.delete(subscriber)) this.#dropIfUnused(topic, interest);
  }

  #interest(topic: string): Interest {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const interest: Interest = { subscribers: new Set(), announced: undefined, holds: 0 };
    // The adapter first: a topic that it refuses by throwing leaves nothing behind.
    interest.announced = this.#adapter.subscribe(topic)?.then(() => {
      interest.announced = undefined;
    });
    this.#topics.set(topic, interest);
    return interest;
  }

  #dropIfUnused(topic: string, interest: Interest): void {
    if (interest.subscribers.size > 0 || interest.holds > 0) return;
    this.#topics.delete(topic);
    this.#adapter.unsubscribe(topic);
  }

  /** To every subscriber on every node, without `from`. Throws in the sender when the payload cannot go. */
  broadcast(topic: string, event: string, payload: object, from?: Subscriber): void {
    const broadcast = Broadcast.of(topic, event, payload);
    // Other nodes first, as in Phoenix: when the engine refuses the message, nobody here gets it either.
    this.#adapter.publish(topic, broadcast.encode());
    this.dispatch(broadcast, from);
  }

  /** To the subscribers on this node only, without `from`. */
  localBroadcast(topic: string, event: string, payload: object, from?: Subscriber): void {
    this.dispatch(Broadcast.of(topic, event, payload), from);
  }

  /** Hands a broadcast to the local subscribers. */
  dispatch(broadcast: Broadcast, from?: Subscriber): void {
    const interest = this.#topics.get(broadcast.topic);
    if (interest === undefined) return;
    this.#dispatching++;
    try {
      for (const subscriber of interest.subscribers) {
        if (subscriber !== from) subscriber.receive(broadcast, from);
      }
    } finally {
      this.#dispatching--;
    }
    if (this.#deferred.length > 0) this.#runDeferred();
  }

  /**
   * Runs the application's work that a dispatch brings: after the dispatch, and after what was deferred before. So
   * a handler that broadcasts, subscribes or unsubscribes never changes the delivery it was called by, and all who
   * listen in the same way get the broadcasts of this node in the same order. (As in Phoenix, an event on the fast
   * lane may overtake one that a channel intercepts.) Outside of a dispatch it runs at once.
   */
  afterDispatch(work: () => void): void {
    this.#deferred.push(work);
    this.#runDeferred();
  }

  #runDeferred(): void {
    if (this.#running || this.#dispatching > 0) return;
    this.#running = true;
    for (let ran = 0; ran < DEFERRED_PER_TURN; ran++) {
      const work = this.#deferred.shift();
      if (work === undefined) {
        this.#running = false;
        return;
      }
      this.#runOne(work);
    }
    // Handlers that answer broadcasts with broadcasts for ever must not stop the rest of the node.
    setImmediate(() => {
      this.#running = false;
      this.#runDeferred();
    });
  }

  #runOne(work: () => void): void {
    try {
      work();
    } catch (cause) {
      this.#context.logger.error("subscriber crashed", {
        error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      });
    }
  }

  #deliver(topic: string, data: Uint8Array): void {
    if (!this.#topics.has(topic)) return;
    const broadcast = Broadcast.decode(topic, data);
    if (broadcast === undefined) {
      this.#undecodable++;
      this.#context.logger.warn("message from another node is no broadcast", { topic, bytes: data.length });
      return;
    }
    this.dispatch(broadcast);
  }
}
