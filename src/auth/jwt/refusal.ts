import { errors } from "jose";
import type { TokenRefusal } from "../../contracts/token.js";

/** What a fault that jose found means to us. Undefined: it is none of a token's, but a bug or a broken key. */
export function refusalOf(cause: unknown): TokenRefusal | undefined {
  if (cause instanceof errors.JWTExpired) return "expired";
  if (cause instanceof errors.JWTClaimValidationFailed) {
    // A claim of a wrong type is as bad as a wrong value, but tells another story.
    if (cause.claim === "iss") return "wrong_issuer";
    if (cause.claim === "aud") return "wrong_audience";
    const early = cause.claim === "nbf" || cause.claim === "iat";
    return early && cause.reason === "check_failed" ? "not_yet_valid" : "wrong_claim";
  }
  return cause instanceof errors.JOSEError ? "invalid" : undefined;
}
