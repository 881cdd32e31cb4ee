import type { VerifiedToken } from "../contracts/token.js";
import type { Params } from "../core/socket/query.js";

/** A handshake as a transport saw it, before anything was decided. */
export interface Handshake {
  readonly transport: "websocket" | "longpoll";
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly peer: Peer;
  /** Whether the client came over TLS. */
  readonly secure: boolean;
  /** Tells when the client goes away while its handshake waits; gives back a function that ends the watch. */
  readonly watch?: (gone: () => void) => () => void;
  /** Values of `:name` segments of the mount path. */
  readonly pathParams: Readonly<Record<string, string>>;
}

/** The other end of the TCP connection: a client, or the balancer before it. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** What `connect` decides by. Nothing else of the request is exposed. */
export interface ConnectRequest {
  /** Query and path parameters, `vsn` included; decoded as Plug does, without prototypes. */
  readonly params: Params;
  /** The token that the client offered by subprotocol or header; needs `authToken: true` on the mount. */
  readonly authToken: string | undefined;
  readonly transport: "websocket" | "longpoll";
  readonly info: ConnectInfo;
}

/** What `connect` of a socket with `auth` decides by. */
export interface AuthenticatedRequest<Token extends VerifiedToken | undefined = VerifiedToken>
  extends ConnectRequest {
  /** What the client's token says; it was verified. Undefined when none is required, and there was none. */
  readonly token: Token;
}

/** Parts of the handshake that an application may look at; Phoenix's `connect_info`. */
export interface ConnectInfo {
  readonly peer: Peer;
  /** Scheme, host, port, path and query as the client asked for them. */
  readonly uri: string;
  readonly userAgent: string | undefined;
  /** All headers that begin with `x-`. */
  readonly xHeaders: Readonly<Record<string, string>>;
  /** `traceparent` and `tracestate`. */
  readonly traceHeaders: Readonly<Record<string, string>>;
  /** All headers that begin with `sec-websocket-`, without the auth token. */
  readonly secWebsocketHeaders: Readonly<Record<string, string>>;
  /** What the mount's `session` reader made of the cookies; undefined when the request may not use them. */
  readonly session: unknown;
}
