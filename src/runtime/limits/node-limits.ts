import { invalid, requireLimit } from "../configure.js";

/** Bounds on what one node takes, whatever its sockets are. */
export interface NodeLimits {
  /** Handshakes under way: asked of `connect` and not yet open. Beyond: they wait for their turn, the oldest first. */
  readonly handshakesMax: number;
  /** Handshakes that wait for their turn. Beyond: 503 with `Retry-After`. */
  readonly handshakeQueueMax: number;
  /** Milliseconds that a handshake may wait for its turn. Beyond: 503 with `Retry-After`. */
  readonly handshakeWaitMs: number;
  /** Joins under way: the author's `join` has not answered. Beyond: they wait for their turn, the oldest first. */
  readonly joinsMax: number;
  /** Joins a second of all clients together. Beyond: they wait. */
  readonly joinsPerS: number;
  /** Milliseconds that a join may wait for its turn. Beyond: error reply with `retry_after_ms`. */
  readonly joinWaitMs: number;
  /** Sockets of one user on this node. Beyond: 429 with `Retry-After`. */
  readonly socketsPerUserMax: number;
  /** Sockets of one address on this node; with `trustedProxies` only. Beyond: 429 with `Retry-After`. */
  readonly socketsPerAddressMax: number;
  /** Connections that have not sent a whole request yet. Beyond: the oldest of them is cut. */
  readonly halfOpenMax: number;
  /** Milliseconds until the headers of a request are complete, from the first moment on. Beyond: 408. */
  readonly headersTimeoutMs: number;
  /** Milliseconds until a request is complete. Beyond: 408. */
  readonly requestTimeoutMs: number;
  /** Bytes of the headers of a request. Beyond: 431. */
  readonly headerBytesMax: number;
}

/** Limits of a node where its author says nothing else. */
export const nodeLimitDefaults: NodeLimits = {
  handshakesMax: 1_000,
  handshakeQueueMax: 20_000,
  handshakeWaitMs: 15_000,
  joinsMax: 1_000,
  joinsPerS: Number.POSITIVE_INFINITY,
  joinWaitMs: 5_000,
  socketsPerUserMax: 1_000,
  socketsPerAddressMax: 1_000,
  halfOpenMax: 5_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  headerBytesMax: 16_384,
};

/** Those that go to timers and to Node, which know no `Infinity`. */
const FINITE: ReadonlySet<string> = new Set([
  "handshakeWaitMs",
  "joinWaitMs",
  "headersTimeoutMs",
  "requestTimeoutMs",
  "headerBytesMax",
]);

/** The limits of a node, all of them. Throws `endpoint_config_invalid` for a value that cannot work. */
export function nodeLimits(given: Partial<NodeLimits>): NodeLimits {
  const limits = { ...nodeLimitDefaults, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(nodeLimitDefaults, name)) throw invalid(`limits.${name}: there is no such limit`);
    requireLimit(`limits.${name}`, value);
    if (FINITE.has(name) && value > 2 ** 31 - 1) throw invalid(`limits.${name} must be less than 2^31`);
  }
  if (limits.requestTimeoutMs < limits.headersTimeoutMs) {
    throw invalid("limits.requestTimeoutMs must not be less than limits.headersTimeoutMs");
  }
  return limits;
}
