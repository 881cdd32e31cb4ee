/** What is known of a token that passed. Times are seconds since 1970, fractions allowed, as JWT has them. */
export interface VerifiedToken {
  /** Whom it speaks for; the claim `sub`. */
  readonly subject?: string | undefined;
  /** Its own name, by which it can be revoked; the claim `jti`. */
  readonly tokenId?: string | undefined;
  readonly issuedAtS?: number | undefined;
  readonly notBeforeS?: number | undefined;
  /** From this moment on it is worth nothing. Absent: it never expires. */
  readonly expiresAtS?: number | undefined;
  /** All that it says, the above included. Without a prototype, so that no claim is special. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Why a token does not pass. All but `unavailable` are final: the same token will not pass a moment later, save one
 * that is `not_yet_valid`.
 */
export type TokenRefusal =
  /** There is none, and one is required. */
  | "missing"
  /** The client put one in two places, or two in one. */
  | "ambiguous"
  /** It is longer than the limit; nobody looked into it. */
  | "too_large"
  /** It is none, its signature is wrong, or its algorithm or key is not one of ours. */
  | "invalid"
  /** It is good, but not yet. */
  | "not_yet_valid"
  /** It was good once. */
  | "expired"
  /** It is good, but of somebody whom we do not believe. */
  | "wrong_issuer"
  /** It is good, but for somebody else. */
  | "wrong_audience"
  /** It is good, but lacks a claim that is required, or has one of a wrong type or value. */
  | "wrong_claim"
  /** It was good, and was called back. */
  | "revoked"
  /** It could not be checked, as the keys cannot be had now. The client should come back. */
  | "unavailable";

/** What became of a check. Of a token that is refused nothing is passed on. */
export type Verification =
  | { readonly ok: true; readonly token: VerifiedToken }
  | { readonly ok: false; readonly reason: TokenRefusal };

/**
 * Checks tokens of one kind.
 *
 * `verify` MUST NOT throw or reject, whatever the text. It MUST judge time by the clock that it was made with, and
 * MUST NOT pass a token on or write it down anywhere, in whole or in part. A token that passed MAY expire at any
 * later moment: who keeps it has to look at `expiresAtS` himself.
 */
export interface TokenVerifier {
  verify(token: string): Verification | Promise<Verification>;
}
