import type { Clock } from "./clock.js";
import type { Logger } from "./logger.js";
import type { Address } from "./network.js";
import type { Random } from "./random.js";

/** A node that a strategy has found: an address, and what more the strategy happens to know. */
export interface Sighting {
  readonly address: Address;
  /** The node's name, where the strategy knows it. Another node that answers there is refused. */
  readonly name?: string | undefined;
  /** Tells two lives of a node at one address apart, where the strategy knows: a new life is a new sighting. */
  readonly life?: string | undefined;
}

/** What a strategy is given at its start. */
export interface DiscoveryHost {
  /** This node's name. */
  readonly nodeName: string;
  /** Where this node listens for others; the host is `0.0.0.0` or `::` when it listens at all its addresses. */
  readonly address: Address;
  /** What the nodes of the cluster know and nobody else: the first seals, all open. Empty: there is no secret. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Everyone whom the strategy sees now: the whole answer, not what changed in it. */
  view(sightings: readonly Sighting[]): void;
  /** A look failed; what was seen before stays seen. `reason` is for people. */
  failed(reason: string): void;
}

/**
 * Finds addresses of other nodes, and does nothing else: it dials nobody, and decides about nobody.
 *
 * A strategy MUST call `view` and `failed` only between its start and its stop. After every look it MUST call exactly
 * one of them, and MUST NOT report a look that failed as an empty view. It MUST go on after any failure that may pass.
 * A view MUST NOT hold an address twice, MUST NOT hold an address that cannot be dialled (port 0), and MAY hold this
 * node itself. It MUST NOT assume anything about the clocks of other nodes.
 *
 * What comes from the network or a file MUST be bounded and checked; what is wrong with it is counted, logged at a
 * bounded rate, and never thrown.
 */
export interface DiscoveryStrategy {
  /** Name of the kind, such as `gossip`: lower-case letters. */
  readonly kind: string;
  /**
   * Begins to look. MUST NOT wait for the first answer. Rejects with `discovery_config_invalid` or
   * `discovery_start_failed` when it never can; nothing is left behind then. MUST be possible again after a stop.
   */
  start(host: DiscoveryHost): Promise<void>;
  /** Frees everything; nothing is reported once it is called. MUST be safe to call twice, and before a start. */
  stop(): Promise<void>;
  /** Counters and gauges, flat, names in snake_case. */
  stats(): Readonly<Record<string, number>>;
}
