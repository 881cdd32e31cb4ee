import { decodeBase64Url } from "../../auth/base64url.js";
import { expiryMs, fromTerm } from "../../auth/phoenix-token/envelope.js";
import { decodeTerm } from "../../auth/phoenix-token/term-decode.js";
import { showTime } from "./show.js";

/** The kinds of tokens that the command line knows. */
export type TokenKind = "phoenix" | "jwt";

const signedHeads: ReadonlyMap<string, string> = new Map([
  ["SFMyNTY", "HS256"],
  ["SFMzODQ", "HS384"],
  ["SFM1MTI", "HS512"],
]);
const encryptedHeads: ReadonlyMap<string, string> = new Map([
  ["XCP", "XChaCha20-Poly1305"],
  ["QTEyOEdDTQ", "AES-GCM"],
]);

/** What a token looks like; a JWT begins with JSON in base64url. */
export function looksLike(text: string): TokenKind {
  const [head = ""] = text.split(".", 1);
  return signedHeads.has(head) || encryptedHeads.has(head) ? "phoenix" : "jwt";
}

/** What is written in a token, whoever wrote it. Undefined: it is none. Nothing of it has been verified. */
export function inspectToken(text: string): object | undefined {
  return looksLike(text) === "phoenix" ? inspectPhoenix(text) : inspectJwt(text);
}

const limits = { depthMax: 65, bytesMax: 1_048_576 };

function inspectPhoenix(text: string): object | undefined {
  const [head = "", payload = "", ...rest] = text.split(".");
  const cipher = encryptedHeads.get(head);
  if (cipher !== undefined) return { kind: "phoenix", encrypted: cipher };
  const bytes = decodeBase64Url(payload);
  if (bytes === undefined || rest.length !== 1) return undefined;
  const decoded = decodeTerm(bytes, limits);
  const envelope = decoded.ok ? fromTerm(decoded.term) : undefined;
  if (envelope === undefined) return undefined;
  const { data, signedAtMs, maxAgeSeconds } = envelope;
  const endMs = expiryMs(signedAtMs, maxAgeSeconds);
  return {
    kind: "phoenix",
    algorithm: signedHeads.get(head),
    signedAt: showTime(signedAtMs / 1000),
    expiresAt: endMs === Number.POSITIVE_INFINITY ? "never" : showTime(endMs / 1000),
    data,
  };
}

function inspectJwt(text: string): object | undefined {
  const [head = "", payload = "", ...rest] = text.split(".");
  const [header, claims] = [jsonOf(head), jsonOf(payload)];
  if (header === undefined || claims === undefined || rest.length !== 1) return undefined;
  const { iat, nbf, exp }: Record<string, unknown> = { ...claims };
  const time = (value: unknown) => (typeof value === "number" ? showTime(value) : undefined);
  return {
    kind: "jwt",
    header,
    issuedAt: time(iat),
    notBefore: time(nbf),
    expiresAt: exp === undefined ? "never" : time(exp),
    claims,
  };
}

function jsonOf(part: string): object | undefined {
  try {
    const value: unknown = JSON.parse(String(decodeBase64Url(part)));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // No JSON: no token.
    return undefined;
  }
}
