import type { TokenRefusal, TokenVerifier, VerifiedToken } from "../contracts/token.js";
import { textHash } from "../core/auth/text-hash.js";
import { takeParam } from "../core/socket/query.js";
import type { TokenLifeOptions } from "./auth/auth-options.js";
import { invalid, requireWhole } from "./configure.js";
import type { Handshake } from "./connect-request.js";
import { cookieValues, header, isSameOrigin } from "./handshake-parts.js";
import type { HttpAnswer, SessionSource } from "./http-answer.js";

/** How a socket wants its clients' tokens. */
export interface SocketAuth extends TokenLifeOptions {
  readonly verifier: TokenVerifier;
  /** Whether a client without a token is refused. Default true. A bad token is refused in any case. */
  readonly required?: boolean;
  /** Characters of a token that is looked at; a longer one is refused before. Default 8 192. */
  readonly tokenBytesMax?: number;
  /**
   * A parameter that may bring the token, too. Default: none, for URLs are written to the logs of proxies. It is taken
   * out of `params` and `info.uri`.
   */
  readonly param?: string;
  /** A cookie that may bring the token, too; it counts from the own origin only. Default: none. */
  readonly cookie?: string;
  /** Lets the cookie count from another origin: whether this CSRF token is one that we gave. */
  readonly csrf?: (source: SessionSource) => boolean;
}

/** Settings with every default filled in. */
export type CompiledAuth = Required<Pick<SocketAuth, "verifier" | "required" | "tokenBytesMax">> &
  Pick<SocketAuth, "param" | "cookie" | "csrf"> &
  TokenLifeOptions;

/** Checks the settings of a socket mounted at `path`. */
export function compileAuth(auth: SocketAuth, path: string): CompiledAuth {
  if (auth.param === "" || auth.cookie === "") throw invalid(`auth of ${path}: a param or cookie has a name`);
  if (auth.csrf !== undefined && auth.cookie === undefined)
    throw invalid(`auth of ${path}: csrf is for a cookie, and there is none`);
  return {
    ...auth,
    required: auth.required ?? true,
    tokenBytesMax: requireWhole(`auth.tokenBytesMax of ${path}`, auth.tokenBytesMax ?? 8_192, 1),
  };
}

const TOKEN_PREFIX = "base64url.bearer.phx.";
/** Despite the name of the prefix the alphabet is the standard one; the padding may be left out. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** What a client offered by subprotocol, or by header when it polls. */
export interface OfferedToken {
  readonly value: string | undefined;
  /** Why there is no value although something was offered: it cannot be decoded, or there are several. */
  readonly fault?: "invalid" | "ambiguous";
  /** The offered subprotocols without the token; undefined when none was offered. */
  readonly rest: readonly string[] | undefined;
}

/** Undefined when the header was not sent; to a long poll it means nothing. */
export function offeredProtocols(handshake: Handshake): readonly string[] | undefined {
  if (handshake.transport === "longpoll") return undefined;
  const offered = header(handshake, "sec-websocket-protocol");
  return offered?.split(",").map((name) => name.trim());
}

/** Takes the token out of what was offered. Of several Phoenix takes none. */
export function offeredToken(handshake: Handshake): OfferedToken {
  if (handshake.transport === "longpoll")
    return { value: header(handshake, "x-phoenix-authtoken"), rest: undefined };
  const offered = offeredProtocols(handshake);
  const tokens = offered?.filter((name) => name.startsWith(TOKEN_PREFIX)) ?? [];
  const [only, another] = tokens;
  if (only === undefined) return { value: undefined, rest: offered };
  if (another !== undefined) return { value: undefined, rest: offered, fault: "ambiguous" };
  const left = offered?.filter((name) => name !== only);
  const rest = left?.length === 0 ? undefined : left;
  const encoded = only.slice(TOKEN_PREFIX.length);
  if (!BASE64.test(encoded)) return { value: undefined, rest, fault: "invalid" };
  return { value: Buffer.from(encoded, "base64").toString("utf8"), rest };
}

/** The one token of a handshake, from wherever the socket allows. */
function findToken(
  auth: CompiledAuth,
  handshake: Handshake,
  offered: OfferedToken,
  csrfToken: string | undefined,
): { readonly value: string | undefined } | RefusedToken {
  if (offered.fault !== undefined) return { reason: offered.fault };
  const found = [
    ...(offered.value === undefined ? [] : [offered.value]),
    ...(auth.param === undefined ? [] : takeParam(handshake.target, auth.param, decodeURIComponent).values),
    ...cookieTokens(auth, handshake, csrfToken),
  ];
  const [value, another] = found;
  if (another !== undefined) return { reason: "ambiguous" };
  if (value === undefined || value === "")
    return auth.required ? { reason: "missing" } : { value: undefined };
  return value.length > auth.tokenBytesMax ? { reason: "too_large" } : { value };
}

/** Cookies ride along on cross-site requests, so they count only with a CSRF token or from the own origin. */
function cookieTokens(auth: CompiledAuth, handshake: Handshake, csrfToken: string | undefined): string[] {
  if (auth.cookie === undefined) return [];
  const values = cookieValues(handshake, auth.cookie);
  if (values.length === 0) return [];
  const sameOrigin = isSameOrigin(handshake);
  if (sameOrigin) return values;
  const cookie = header(handshake, "cookie");
  return csrfToken !== undefined && auth.csrf?.({ cookie, csrfToken, sameOrigin }) === true ? values : [];
}

/** Why a token does not pass; `cause` is what the application threw. */
export interface RefusedToken {
  readonly reason: TokenRefusal;
  readonly cause?: unknown;
  /** Of the token, if there was one. */
  readonly hash?: number;
}

/** A token that passed, or none where none is required. */
export interface PassedToken {
  readonly token: VerifiedToken | undefined;
  readonly hash: number;
}

/** Finds the token of a handshake and has it verified. Never rejects: what is thrown on the way is `unavailable`. */
export async function authenticate(
  auth: CompiledAuth,
  handshake: Handshake,
  offered: OfferedToken,
  csrfToken: string | undefined,
): Promise<PassedToken | RefusedToken> {
  try {
    const found = findToken(auth, handshake, offered, csrfToken);
    if ("reason" in found) return found;
    if (found.value === undefined) return { token: undefined, hash: 0 };
    const hash = textHash(found.value);
    const checked = await auth.verifier.verify(found.value);
    return checked.ok ? { token: checked.token, hash } : { reason: checked.reason, hash };
  } catch (cause) {
    return { reason: "unavailable", cause };
  }
}

/** Seconds after which a client may come back whose token could not be checked. */
const RETRY_AFTER_S = "5";

/** What a client is told who shows a dead token again and again; it is told late. */
export function replayAnswer(delayMs: number): HttpAnswer {
  return {
    status: 429,
    headers: {
      "retry-after": String(Math.ceil(delayMs / 1_000)),
      "www-authenticate": 'Bearer error="invalid_token"',
    },
  };
}

/** What a client is told whose token is refused: nothing that would help to guess. */
export function answerOf(reason: TokenRefusal): HttpAnswer {
  if (reason === "unavailable") return { status: 503, headers: { "retry-after": RETRY_AFTER_S } };
  if (reason === "ambiguous")
    return { status: 400, headers: { "www-authenticate": 'Bearer error="invalid_request"' } };
  const challenge = reason === "missing" ? "Bearer" : 'Bearer error="invalid_token"';
  return { status: 401, headers: { "www-authenticate": challenge } };
}
