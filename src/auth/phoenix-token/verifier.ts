import type { TokenRefusal, TokenVerifier, Verification, VerifiedToken } from "../../contracts/token.js";
import type { PhoenixToken, PhoenixTokenResult, VerifyOptions } from "./phoenix-token.js";
import { Atom, type Term, Tuple } from "./term.js";

/** Settings of {@link phoenixTokenVerifier}. */
export interface PhoenixTokenVerifierOptions extends VerifyOptions {
  /** What signs and checks them. */
  readonly tokens: PhoenixToken;
  /** Whether the tokens were made by `encrypt`, not by `sign`. Default false. */
  readonly encrypted?: boolean;
  /**
   * What the data says; undefined when it is not what you sign, which refuses the token. Default: the members of a map
   * with names for keys; text and whole numbers become `sub`; all else stands under `data`.
   */
  readonly claims?: (data: Term) => Readonly<Record<string, unknown>> | undefined;
}

/** Has tokens of Phoenix verified, for the `auth` of a socket. `sub` and `jti` in the data are subject and token id. */
export function phoenixTokenVerifier(options: PhoenixTokenVerifierOptions): TokenVerifier {
  const { tokens, encrypted = false, claims = defaultClaims, ...settings } = options;
  return {
    verify(text) {
      const checked = encrypted ? tokens.decrypt(text, settings) : tokens.verify(text, settings);
      return checked.ok ? conclude(checked, claims) : refused(checked.reason);
    },
  };
}

function refused(reason: TokenRefusal): Verification {
  return { ok: false, reason };
}

function conclude(
  { data, signedAtMs, expiresAtMs }: PhoenixTokenResult & { readonly ok: true },
  read: NonNullable<PhoenixTokenVerifierOptions["claims"]>,
): Verification {
  const said = read(data);
  if (said === undefined) return refused("wrong_claim");
  // A text of its own: a claim named __proto__ is a claim.
  const claims: Record<string, unknown> = Object.assign(Object.create(null), said);
  const { sub, jti } = claims;
  const token: VerifiedToken = {
    subject: nameOf(sub),
    tokenId: nameOf(jti),
    issuedAtS: signedAtMs / 1000,
    expiresAtS: expiresAtMs === Number.POSITIVE_INFINITY ? undefined : expiresAtMs / 1000,
    claims,
  };
  return { ok: true, token };
}

function defaultClaims(data: Term): Readonly<Record<string, unknown>> {
  if (nameOf(data) !== undefined) return { sub: nameOf(data), data };
  const isRecord =
    typeof data === "object" &&
    data !== null &&
    !Array.isArray(data) &&
    !(data instanceof Map || data instanceof Uint8Array || Tuple.is(data) || Atom.is(data));
  return isRecord ? { ...data } : { data };
}

/** A user's id may be a number; here all names are texts. */
function nameOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "bigint" || Number.isSafeInteger(value) ? String(value) : undefined;
}
