import type { Clock } from "./clock.js";
import type { Logger } from "./logger.js";
import type { Random } from "./random.js";

/** What the runtime gives an adapter at its start. */
export interface PubSubHost {
  /** This node's name, such as `n1@127.0.0.1`. Unique in the cluster. */
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /**
   * A message from another node. MUST be called for subscribed topics only (a message that was under way when the
   * topic was unsubscribed MAY still come), and MUST NOT be called for what this node published itself.
   * The bytes belong to the receiver.
   */
  deliver(topic: string, data: Uint8Array): void;
  /** The set of reachable nodes, or the engine's own health, changed. */
  changed(event: PubSubEvent): void;
}

/** What happened to the way between the nodes. */
export type PubSubEvent =
  | { readonly type: "node_up"; readonly node: string }
  | { readonly type: "node_down"; readonly node: string; readonly reason: string }
  | { readonly type: "engine_up" }
  | { readonly type: "engine_down"; readonly reason: string };

/**
 * Carries messages between nodes; local delivery is the runtime's own.
 *
 * Delivery: at most once; per publishing node and topic in the order of `publish`; nothing is replayed. While every
 * link is up and no queue overflows, exactly once. What is published while the engine is away is lost, not
 * buffered without bound.
 */
export interface PubSubAdapter {
  /** Name of the engine, for logs and health: "local", "mesh", "nats", "redis". */
  readonly engine: string;
  /** Resolves when messages can flow to every node reachable now. Rejects with a `SimurghError` when it never can. */
  start(host: PubSubHost): Promise<void>;
  /** Announces the leaving, flushes what is queued within a bound, frees everything. MUST be safe to call twice. */
  stop(): Promise<void>;
  /**
   * The first local subscriber of `topic` came. Returns a promise only when other nodes must hear of it first;
   * it MUST settle within `interestTimeoutMs` of the engine even when a node is silent, and MUST NOT reject.
   *
   * Guarantee: a `publish` which another reachable node starts after the promise has resolved (or after the call
   * returned undefined) reaches this node.
   */
  subscribe(topic: string): Promise<void> | undefined;
  /** The last local subscriber of `topic` left. */
  unsubscribe(topic: string): void;
  /**
   * Sends to every other node that has subscribers for `topic`. MUST NOT wait and MUST NOT keep `data` alive
   * longer than the queue needs. Throws a `SimurghError` when the message can never be sent (too large).
   */
  publish(topic: string, data: Uint8Array): void;
  /** Names of the other nodes that are reachable now. Engines that cannot know return an empty list. */
  nodes(): readonly string[];
  /** Whether the engine can carry messages now. */
  readonly healthy: boolean;
  /** Counters and gauges, flat, names in snake_case, units last. */
  stats(): Readonly<Record<string, number>>;
}
