import type { Logger } from "../contracts/logger.js";
import { negotiateVsn } from "../core/protocol/vsn.js";
import { type OriginRule, originAllowed, parseOrigin } from "../core/socket/origin.js";
import { decodeQuery, type Params } from "../core/socket/query.js";
import type { ConnectInfo, ConnectRequest, Handshake } from "./connect-request.js";
import { isPromise, type MaybePromise } from "./result.js";
import { type Serializer, serializerFor } from "./serializer.js";
import type { Accept, Refuse, SocketRoutes } from "./socket-definition.js";

/** An HTTP answer, small enough to be a value. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a mount reads the session from; the reader MUST check the CSRF token when the request is cross-site. */
export interface SessionSource {
  /** The `cookie` header. */
  readonly cookie: string | undefined;
  /** The `_csrf_token` parameter. */
  readonly csrfToken: string | undefined;
  /** Whether the origin's host is the request's own. */
  readonly sameOrigin: boolean;
}

/** How one mount decides about new connections. */
export interface ConnectPolicy {
  readonly socket: SocketRoutes;
  readonly origin: OriginRule;
  readonly authToken: boolean;
  readonly subprotocols: readonly string[] | undefined;
  readonly session: ((source: SessionSource) => unknown) | undefined;
  readonly errorHandler: ((reason: unknown, request: ConnectRequest) => HttpAnswer) | undefined;
  readonly logger: Logger;
}

/** What became of a handshake. */
export type ConnectDecision =
  | { readonly kind: "refused"; readonly answer: HttpAnswer }
  | {
      readonly kind: "accepted";
      readonly serializer: Serializer;
      readonly assigns: object;
      readonly id: string | undefined;
      /** What to answer in `sec-websocket-protocol`; undefined: no such header. */
      readonly subprotocol: string | undefined;
    };

const TOKEN_PREFIX = "base64url.bearer.phx.";
/** Despite the name of the prefix the alphabet is the standard one; the padding may be left out. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const FORBIDDEN: ConnectDecision = { kind: "refused", answer: { status: 403 } };
const EVERYBODY: Accept<object> = { kind: "accept", assigns: {} };
const FAILED: ConnectDecision = { kind: "refused", answer: { status: 500 } };

/** The checks of a handshake in the order that Phoenix has them: origin, token, subprotocol, vsn, the author. */
export function decideConnect(policy: ConnectPolicy, handshake: Handshake): MaybePromise<ConnectDecision> {
  if (!originPasses(policy.origin, handshake)) return FORBIDDEN;
  const offered = offeredProtocols(handshake);
  const token = policy.authToken ? extractToken(handshake, offered) : { value: undefined, rest: offered };
  if (token === undefined) return FAILED;
  const subprotocol = chooseSubprotocol(policy, token.rest);
  if (subprotocol === undefined) return FORBIDDEN;
  const params = connectParams(handshake);
  const vsn = negotiateVsn(params.vsn);
  if (vsn === undefined) return FORBIDDEN;
  const request: ConnectRequest = {
    params,
    authToken: token.value,
    transport: handshake.transport,
    info: connectInfo(policy, handshake, params),
  };
  const conclude = (verdict: Accept<object> | Refuse): ConnectDecision =>
    concludeConnect(policy, request, verdict, serializerFor(vsn), subprotocol.answer);
  return askAuthor(policy, request, conclude);
}

function askAuthor(
  policy: ConnectPolicy,
  request: ConnectRequest,
  conclude: (verdict: Accept<object> | Refuse) => ConnectDecision,
): MaybePromise<ConnectDecision> {
  const crashed = (cause: unknown): ConnectDecision => {
    policy.logger.error("connect crashed", {
      error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    });
    return FAILED;
  };
  try {
    // Without the callback everybody may connect; a callback that forgets to answer lets nobody in.
    const { connect } = policy.socket;
    const verdict = connect === undefined ? EVERYBODY : connect(request);
    return isPromise(verdict) ? Promise.resolve(verdict).then(conclude).catch(crashed) : conclude(verdict);
  } catch (cause) {
    return crashed(cause);
  }
}

function concludeConnect(
  policy: ConnectPolicy,
  request: ConnectRequest,
  verdict: Accept<object> | Refuse,
  serializer: Serializer,
  subprotocol: string | undefined,
): ConnectDecision {
  if (verdict?.kind === "refuse") {
    if (verdict.reason === undefined || policy.errorHandler === undefined) return FORBIDDEN;
    return { kind: "refused", answer: policy.errorHandler(verdict.reason, request) };
  }
  if (verdict?.kind !== "accept") throw new TypeError("connect must return accept(…) or refuse(…)");
  const id = policy.socket.id?.({ assigns: verdict.assigns }) ?? undefined;
  if (id !== undefined && typeof id !== "string") return FORBIDDEN;
  return { kind: "accepted", serializer, assigns: verdict.assigns, id, subprotocol };
}

/** One header as text: the first when it was sent several times. */
export function header(handshake: Handshake, name: string): string | undefined {
  const value = handshake.headers[name];
  return typeof value === "object" ? value[0] : value;
}

function requestOrigin(handshake: Handshake): ReturnType<typeof parseOrigin> {
  return parseOrigin(`${handshake.secure ? "https" : "http"}://${header(handshake, "host") ?? ""}`);
}

/** Whether the mount's origin rule lets this handshake pass. */
export function originPasses(rule: OriginRule, handshake: Handshake): boolean {
  return originAllowed(header(handshake, "origin"), rule, requestOrigin(handshake));
}

/** Parameters of the query. */
export function queryParams({ target }: Handshake): Params {
  const question = target.indexOf("?");
  return decodeQuery(question < 0 ? "" : target.slice(question + 1), decodeURIComponent);
}

/** Parameters of the query and of the path; the path's win. */
function connectParams(handshake: Handshake): Params {
  return Object.assign(queryParams(handshake), handshake.pathParams);
}

/** Undefined when the header was not sent; to a long poll it means nothing. */
function offeredProtocols(handshake: Handshake): readonly string[] | undefined {
  if (handshake.transport === "longpoll") return undefined;
  const offered = header(handshake, "sec-websocket-protocol");
  return offered?.split(",").map((name) => name.trim());
}

interface ExtractedToken {
  readonly value: string | undefined;
  /** The offered subprotocols without the token; undefined when none was offered. */
  readonly rest: readonly string[] | undefined;
}

/** Undefined: the token cannot be decoded. */
function extractToken(
  handshake: Handshake,
  offered: readonly string[] | undefined,
): ExtractedToken | undefined {
  if (handshake.transport === "longpoll")
    return { value: header(handshake, "x-phoenix-authtoken"), rest: undefined };
  const tokens = offered?.filter((name) => name.startsWith(TOKEN_PREFIX)) ?? [];
  const [only, another] = tokens;
  if (only === undefined || another !== undefined) return { value: undefined, rest: offered };
  const encoded = only.slice(TOKEN_PREFIX.length);
  if (!BASE64.test(encoded)) return undefined;
  const rest = offered?.filter((name) => name !== only);
  return {
    value: Buffer.from(encoded, "base64").toString("utf8"),
    rest: rest?.length === 0 ? undefined : rest,
  };
}

/** Undefined: refuse the connection. */
function chooseSubprotocol(
  policy: ConnectPolicy,
  offered: readonly string[] | undefined,
): { readonly answer: string | undefined } | undefined {
  const allowed = policy.authToken ? ["phoenix", ...(policy.subprotocols ?? [])] : policy.subprotocols;
  if (allowed === undefined || offered === undefined) return { answer: undefined };
  const answer = allowed.find((name) => offered.includes(name));
  return answer === undefined ? undefined : { answer };
}

function headersWhere(handshake: Handshake, wanted: (name: string) => boolean): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(handshake.headers)) {
    if (value === undefined || !wanted(name)) continue;
    found[name] = typeof value === "string" ? value : value.join(", ");
  }
  return found;
}

function connectInfo(policy: ConnectPolicy, handshake: Handshake, params: Params): ConnectInfo {
  const host = header(handshake, "host") ?? "";
  return {
    get peer() {
      return handshake.peer;
    },
    uri: `${handshake.secure ? "https" : "http"}://${host}${handshake.target}`,
    userAgent: header(handshake, "user-agent"),
    get xHeaders() {
      return headersWhere(handshake, (name) => name.startsWith("x-") && name !== "x-phoenix-authtoken");
    },
    get traceHeaders() {
      return headersWhere(handshake, (name) => name === "traceparent" || name === "tracestate");
    },
    get secWebsocketHeaders() {
      return headersWhere(
        handshake,
        (name) => name.startsWith("sec-websocket-") && name !== "sec-websocket-protocol",
      );
    },
    get session() {
      return readSession(policy, handshake, params);
    },
  };
}

/** Cookies ride along on cross-site requests, so they count only with a CSRF token or from the own origin. */
function readSession(policy: ConnectPolicy, handshake: Handshake, params: Params): unknown {
  if (policy.session === undefined) return undefined;
  const sameOrigin = originAllowed(
    header(handshake, "origin"),
    { kind: "host", host: undefined },
    requestOrigin(handshake),
  );
  const token = params._csrf_token;
  const csrfToken = typeof token === "string" ? token : undefined;
  if (!sameOrigin && csrfToken === undefined) return undefined;
  return policy.session({ cookie: header(handshake, "cookie"), csrfToken, sameOrigin });
}
