import type { TokenVerifier } from "../../src/contracts/token.js";
import type { Handshake } from "../../src/runtime/connect-request.js";

/** Claims of a token, by their names in JWT. */
export interface Claims {
  readonly sub?: string;
  readonly jti?: string;
  readonly iat?: number;
  readonly exp?: number;
  readonly [claim: string]: unknown;
}

/** A token that is nothing but its claims. */
export const jsonToken = (claims: Claims): string => JSON.stringify(claims);

/** Passes every text that is JSON, whatever the time; who believes that needs no signatures. */
export const jsonVerifier: TokenVerifier = {
  verify(text) {
    try {
      const claims: Claims = JSON.parse(text);
      const { sub: subject, jti: tokenId, iat: issuedAtS, exp: expiresAtS } = claims;
      return { ok: true, token: { subject, tokenId, issuedAtS, expiresAtS, claims } };
    } catch {
      return { ok: false, reason: "invalid" };
    }
  },
};

/** What a client offers that brings a token by its subprotocols. */
export function offeredAs(token: string): string {
  return `phoenix, base64url.bearer.phx.${Buffer.from(token).toString("base64").replaceAll("=", "")}`;
}

/** A handshake that brings a token. */
export function withToken(token: string): Partial<Handshake> {
  return { headers: { host: "app.example:4000", "sec-websocket-protocol": offeredAs(token) } };
}
