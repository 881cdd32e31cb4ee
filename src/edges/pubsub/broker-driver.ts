import type { Clock } from "../../contracts/clock.js";
import type { Random } from "../../contracts/random.js";

/** What a link tells its engine. */
export interface BrokerLinkHandler {
  /** A message came under a name that was subscribed. The bytes belong to the receiver. MUST NOT throw. */
  onMessage(name: string, data: Uint8Array): void;
  /** The link is of no more use. At most once, and not after `destroy`. */
  onLost(reason: string): void;
  /** The broker does not let this node do something; the link lives on. */
  onRefused(what: string): void;
}

/**
 * One connection to a broker, from its first byte to its last. It never comes back: a new one is made instead, so
 * that nothing of the old life, such as a buffer, can leak into the new one.
 */
export interface BrokerLink {
  /** Where the broker is, for the log. */
  readonly remote: string;
  /** Largest message that the broker takes now, in bytes. */
  readonly messageBytesMax: number;
  /** Bytes published that the broker is not known to have taken. */
  readonly pendingBytes: number;
  /**
   * Resolves when every message that is published from now on, at the same broker, comes here. Rejects when the link
   * is lost before. A name that the broker refuses is told by `onRefused`.
   */
  subscribe(names: readonly string[]): Promise<void>;
  unsubscribe(names: readonly string[]): void;
  /** Sends. MUST keep the order of the calls for each name. The bytes must not be changed afterwards. */
  publish(name: string, data: Uint8Array): void;
  /** Resolves when the broker has taken everything published so far. Rejects when the link is lost before. */
  settled(): Promise<void>;
  /** Closes now and drops what is queued. */
  destroy(): void;
}

/** What a driver needs for one attempt. */
export interface BrokerConnect {
  readonly handler: BrokerLinkHandler;
  readonly nodeName: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Reaches a kind of broker by its client library. */
export interface BrokerDriver {
  /** Name of the engine, for logs and health. */
  readonly engine: string;
  /** What stands between the parts of a name. */
  readonly separator: string;
  /** Whether the broker sends a node what it has published itself. */
  readonly echoes: boolean;
  /**
   * Makes one attempt, which settles within about `timeoutMs` and leaves nothing behind when it fails. Rejects with
   * `engine_refused` when trying again cannot help, with `engine_unreachable` otherwise.
   */
  connect(request: BrokerConnect): Promise<BrokerLink>;
}
