import type { Logger } from "../contracts/logger.js";
import type { TokenRefusal, VerifiedToken } from "../contracts/token.js";
import { negotiateVsn } from "../core/protocol/vsn.js";
import type { OriginRule } from "../core/socket/origin.js";
import { type Params, takeParam } from "../core/socket/query.js";
import type { Credential, MountAuth } from "./auth/mount-auth.js";
import type { AuthenticatedRequest, ConnectInfo, ConnectRequest, Handshake } from "./connect-request.js";
import {
  answerOf,
  authenticate,
  type CompiledAuth,
  type OfferedToken,
  offeredProtocols,
  offeredToken,
  type RefusedToken,
  replayAnswer,
} from "./connect-token.js";
import type { Counters } from "./counters.js";
import { header, isSameOrigin, originPasses, queryParams } from "./handshake-parts.js";
import type { HttpAnswer, SessionSource } from "./http-answer.js";
import { isPromise, type MaybePromise } from "./result.js";
import { type Serializer, serializerFor } from "./serializer.js";
import type { Accept, Refuse, SocketRoutes } from "./socket-definition.js";

/** How one mount decides about new connections. */
export interface ConnectPolicy {
  readonly path: string;
  readonly socket: SocketRoutes;
  readonly origin: OriginRule;
  readonly authToken: boolean;
  /** Undefined: the socket verifies no tokens. */
  readonly auth: CompiledAuth | undefined;
  /** Judges what the verifier lets pass; there when `auth` is. */
  readonly judge: MountAuth | undefined;
  readonly subprotocols: readonly string[] | undefined;
  readonly session: ((source: SessionSource) => unknown) | undefined;
  readonly errorHandler: ((reason: unknown, request: ConnectRequest) => HttpAnswer) | undefined;
  readonly counters: Pick<Counters, "refused_tokens_total">;
  readonly logger: Logger;
}

/** What became of a handshake. */
export type ConnectDecision =
  | {
      readonly kind: "refused";
      readonly answer: HttpAnswer;
      /** Set when it was the token's fault. */
      readonly token?: TokenRefusal;
      /** Milliseconds to wait with the answer. */
      readonly delayMs?: number;
    }
  | {
      readonly kind: "accepted";
      readonly serializer: Serializer;
      readonly assigns: object;
      readonly id: string | undefined;
      /** The token that passed; undefined when there was none, or the socket verifies none. */
      readonly token: VerifiedToken | undefined;
      /** Whom the connection counts for; undefined: for nobody. */
      readonly user: string | undefined;
      /** The address that the connection counts for; undefined: for none. */
      readonly address?: string | undefined;
      /** What the connection keeps of it; there when the socket verifies tokens. */
      readonly credential: Credential | undefined;
      /** What to answer in `sec-websocket-protocol`; undefined: no such header. */
      readonly subprotocol: string | undefined;
    };

const FORBIDDEN: ConnectDecision = { kind: "refused", answer: { status: 403 } };
const EVERYBODY: Accept<object> = { kind: "accept", assigns: {} };
const FAILED: ConnectDecision = { kind: "refused", answer: { status: 500 } };

/**
 * The checks of a handshake in the order that Phoenix has them: origin, token, subprotocol, vsn, the author. A socket
 * with `auth` has the token verified right before the author is asked, so that what is refused anyway costs no check.
 */
export function decideConnect(policy: ConnectPolicy, handshake: Handshake): MaybePromise<ConnectDecision> {
  if (!originPasses(policy.origin, handshake)) return FORBIDDEN;
  const offered: OfferedToken = policy.authToken
    ? offeredToken(handshake)
    : { value: undefined, rest: offeredProtocols(handshake) };
  if (offered.fault === "invalid" && policy.auth === undefined) return FAILED;
  const subprotocol = chooseSubprotocol(policy, offered.rest);
  if (subprotocol === undefined) return FORBIDDEN;
  const params = connectParams(policy, handshake);
  const vsn = negotiateVsn(params.vsn);
  if (vsn === undefined) return FORBIDDEN;
  const ask = (
    token: VerifiedToken | undefined,
    credential: Credential | undefined,
    hash: number,
  ): MaybePromise<ConnectDecision> => {
    const request: AuthenticatedRequest<VerifiedToken | undefined> = {
      params,
      authToken: offered.value,
      token,
      transport: handshake.transport,
      info: connectInfo(policy, handshake, params),
    };
    const decision = askAuthor(policy, request, (verdict) =>
      concludeConnect(policy, request, verdict, serializerFor(vsn), subprotocol.answer, credential),
    );
    const check = (made: ConnectDecision): ConnectDecision =>
      isRevoked(policy, made) ? refuseToken(policy, handshake, { reason: "revoked", hash }) : made;
    return isPromise(decision) ? decision.then(check) : check(decision);
  };
  const { auth, judge } = policy;
  if (auth === undefined || judge === undefined) return ask(undefined, undefined, 0);
  return authenticate(auth, handshake, offered, csrfOf(params)).then(async (checked) => {
    if ("reason" in checked) return refuseToken(policy, handshake, checked);
    const judged = await judge.judge(checked.token);
    if (!judged.ok) return refuseToken(policy, handshake, { ...judged, hash: checked.hash });
    return ask(checked.token, judged.credential, checked.hash);
  });
}

/** Whether the token was called back, now that the socket's id is known. */
function isRevoked({ judge }: ConnectPolicy, decision: ConnectDecision): boolean {
  if (decision.kind !== "accepted" || decision.credential === undefined) return false;
  return judge?.revokes(decision.credential, decision.id) === true;
}

function refuseToken(
  policy: ConnectPolicy,
  { transport }: Handshake,
  { reason, cause, hash }: RefusedToken,
): ConnectDecision {
  policy.counters.refused_tokens_total++;
  if (cause === undefined) policy.logger.debug("token refused", { path: policy.path, reason, transport });
  else policy.logger.error("token check crashed", { path: policy.path, error: stackOf(cause) });
  const replay = hash === undefined ? undefined : policy.judge?.refused(reason, hash, { transport });
  if (replay?.replayed !== true) return { kind: "refused", answer: answerOf(reason), token: reason };
  const { delayMs } = replay;
  return { kind: "refused", answer: replayAnswer(delayMs), token: reason, delayMs };
}

function askAuthor(
  policy: ConnectPolicy,
  request: AuthenticatedRequest<VerifiedToken | undefined>,
  conclude: (verdict: Accept<object> | Refuse) => ConnectDecision,
): MaybePromise<ConnectDecision> {
  const crashed = (cause: unknown): ConnectDecision => {
    policy.logger.error("connect crashed", { error: stackOf(cause) });
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

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

function concludeConnect(
  policy: ConnectPolicy,
  request: AuthenticatedRequest<VerifiedToken | undefined>,
  verdict: Accept<object> | Refuse,
  serializer: Serializer,
  subprotocol: string | undefined,
  credential: Credential | undefined,
): ConnectDecision {
  if (verdict?.kind === "refuse") {
    if (verdict.reason === undefined || policy.errorHandler === undefined) return FORBIDDEN;
    return { kind: "refused", answer: policy.errorHandler(verdict.reason, request) };
  }
  if (verdict?.kind !== "accept") throw new TypeError("connect must return accept(…) or refuse(…)");
  const id = policy.socket.id?.({ assigns: verdict.assigns }) ?? undefined;
  if (id !== undefined && typeof id !== "string") return FORBIDDEN;
  const user = policy.socket.user === undefined ? id : policy.socket.user({ assigns: verdict.assigns });
  const { token } = request;
  return {
    kind: "accepted",
    serializer,
    assigns: verdict.assigns,
    id,
    user: user ?? undefined,
    subprotocol,
    token,
    credential,
  };
}

/** Parameters of the query and of the path; the path's win. A token among them is not passed on. */
function connectParams({ auth }: ConnectPolicy, handshake: Handshake): Params {
  const params = queryParams(handshake);
  if (auth?.param !== undefined) delete params[auth.param];
  return Object.assign(params, handshake.pathParams);
}

function csrfOf(params: Params): string | undefined {
  const token = params._csrf_token;
  return typeof token === "string" ? token : undefined;
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
  const { target } =
    policy.auth?.param === undefined
      ? handshake
      : takeParam(handshake.target, policy.auth.param, decodeURIComponent);
  return {
    get peer() {
      return handshake.peer;
    },
    uri: `${handshake.secure ? "https" : "http"}://${host}${target}`,
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
  const sameOrigin = isSameOrigin(handshake);
  const csrfToken = csrfOf(params);
  if (!sameOrigin && csrfToken === undefined) return undefined;
  return policy.session({ cookie: header(handshake, "cookie"), csrfToken, sameOrigin });
}
