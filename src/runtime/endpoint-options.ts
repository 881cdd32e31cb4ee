import type { OriginParts } from "../core/socket/origin.js";
import type { ConnectRequest } from "./connect-request.js";
import type { HttpAnswer, SessionSource } from "./http-answer.js";
import type { SocketLimits } from "./mount.js";
import type { SocketRoutes } from "./socket-definition.js";

/**
 * Which web pages may connect. `true` (default): those from `url.host`, or from the host that the request itself
 * names when none is configured. A list: entries such as `https://example.com`, `//example.com:81`,
 * `//*.example.com`; each part is compared only where given, a scheme implies its default port. `"same"`: scheme,
 * host and port must be the request's own. A function decides by itself. `false`: every page may connect.
 */
export type CheckOrigin =
  | boolean
  | "same"
  | readonly string[]
  | ((origin: OriginParts & { readonly text: string }) => boolean);

/** WebSocket settings of a mount. */
export interface WebSocketOptions {
  /** Appended to the mount's path. Default `/websocket`. */
  readonly path?: string;
  /** Milliseconds without a byte from the client until the connection is closed. Default 60 000. */
  readonly timeoutMs?: number;
  /** Bytes of one message from a client; above: close 1009. Default 10 000 000, at most 500 000 000. */
  readonly frameBytesMax?: number;
  /** Offers permessage-deflate. Default false: it costs tens of KB a connection and CPU for every frame. */
  readonly compress?: boolean;
  /** Subprotocols that may be answered. A client that offers only others is refused with 403. */
  readonly subprotocols?: readonly string[];
}

/** Long-poll settings of a mount. */
export interface LongPollOptions {
  /** Appended to the mount's path. Default `/longpoll`. */
  readonly path?: string;
  /** Milliseconds that a poll waits for a message. Default 10 000. */
  readonly windowMs?: number;
  /** Milliseconds that another node is waited for. Default 2 000. */
  readonly pubsubTimeoutMs?: number;
  /** Seconds that a session token stays valid. Default 1 209 600 (two weeks). */
  readonly tokenMaxAgeS?: number;
  /** Sessions of one node at the same time; beyond: HTTP 503, after which clients come back later. Default 10 000. */
  readonly sessionsMax?: number;
}

/** A socket at a path, with settings. */
export interface MountOptions {
  readonly socket: SocketRoutes;
  /** Default `{}`; `false` turns WebSockets off. */
  readonly websocket?: WebSocketOptions | false;
  /** Default `false`, as in Phoenix. */
  readonly longpoll?: LongPollOptions | boolean;
  readonly checkOrigin?: CheckOrigin;
  /** Takes the auth token out of the offered subprotocols (or the long-poll header). Default false. */
  readonly authToken?: boolean;
  /** Makes `info.session` out of the cookies. Not called for cross-site requests without a CSRF token. */
  readonly session?: (source: SessionSource) => unknown;
  /** Makes the HTTP answer to `refuse(reason)`. Default: 403 with an empty body. */
  readonly errorHandler?: (reason: unknown, request: ConnectRequest) => HttpAnswer;
  /** Milliseconds that `connect` may take; beyond, the client gets 503. Default 10 000. */
  readonly connectTimeoutMs?: number;
  readonly limits?: Partial<SocketLimits>;
}

/** How connections are sent away when the node drains. */
export interface DrainOptions {
  /**
   * Milliseconds between `/ready` turning to 503 and the first goodbye: above the interval at which your balancer
   * asks. Default 1 500.
   */
  readonly noticeMs?: number;
  /**
   * Connections that are closed in the first second; from there the pace follows how busy the other nodes say they
   * are. Default 500.
   */
  readonly clientsPerSecond?: number;
  /** The pace is never higher, unless the time runs out. Default 5 000. */
  readonly clientsPerSecondMax?: number;
  /** Milliseconds, after `noticeMs`, within which the last connection is closed, at whatever pace. Default 30 000. */
  readonly timeoutMs?: number;
  /** Milliseconds that a stop waits for handlers which are still at work. Default 5 000. */
  readonly handlersMs?: number;
}

/** How nodes tell each other how they are, and what follows from it. */
export interface FleetOptions {
  /** Milliseconds between two reports of a node. Default 1 000. */
  readonly statusPeriodMs?: number;
  /**
   * Whether a node that holds more connections than the mean gives the surplus away, as after new nodes have come: those
   * are closed with 1012, and come back where the balancer sends them. `true`: with the defaults. Default: false.
   */
  readonly rebalance?: boolean | RebalanceOptions;
  /**
   * Milliseconds after which a connection is closed with 1012, so that it is balanced anew; the moment of each lies at
   * random in the last fifth of that time. At least 60 000. Default: connections may grow as old as they like.
   */
  readonly connectionAgeMaxMs?: number;
}

/** How connections are given away to emptier nodes. */
export interface RebalanceOptions {
  /** How far above the mean, as a share, a node may be before it begins; it goes on down to the mean. Default 0.1. */
  readonly tolerance?: number;
  /** Milliseconds over which the surplus is spread. Default 30 000. */
  readonly windowMs?: number;
  /** Milliseconds for which no node must have come, gone or begun to drain. Default 10 000. */
  readonly stableMs?: number;
  /** Connections that one node gives away in a second, at most. Default 200. */
  readonly perSecondMax?: number;
}

/** What bounds a mount and its transports, where it says nothing else. */
export const mountDefaults = {
  connectTimeoutMs: 10_000,
  /** Of a WebSocket. */
  timeoutMs: 60_000,
  frameBytesMax: 10_000_000,
  /** Of long poll. */
  windowMs: 10_000,
  pubsubTimeoutMs: 2_000,
  /** Two weeks. */
  tokenMaxAgeS: 1_209_600,
  sessionsMax: 10_000,
} as const;

/** Limits of a socket where a mount says nothing else. */
export const socketLimitDefaults: SocketLimits = {
  channelsMax: 100,
  inboxMax: 1_000,
  heldMessagesMax: 64,
  heldBytesMax: 262_144,
  nameLengthMax: 1_024,
  queueBytesMax: 1_048_576,
  messagesPerS: 10_000,
  messagesBurstMax: 200_000,
  bytesPerS: 10_000_000,
  bytesBurstMax: 100_000_000,
  joinsPerS: 100,
  joinsBurstMax: 1_000,
  refusalsMax: 100,
};
