import { createHmac, timingSafeEqual } from "node:crypto";
import { decodeBase64Url } from "../base64url.js";

/** The head of a signed message names its digest: the base64url of "HS256" and so on. */
const digests: ReadonlyMap<string, string> = new Map([
  ["SFMyNTY", "sha256"],
  ["SFMzODQ", "sha384"],
  ["SFM1MTI", "sha512"],
]);

const signHead = "SFMyNTY";

/** Signs bytes the way that Phoenix does: head, message and HMAC-SHA256 of both. */
export function signMessage(message: Uint8Array, key: Uint8Array): string {
  const signed = `${signHead}.${Buffer.from(message).toString("base64url")}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** The message of a token that was signed with one of `keys`; undefined for every other. */
export function verifyMessage(token: string, keys: readonly Uint8Array[]): Buffer | undefined {
  const [head = "", payload = "", signature = "", ...rest] = token.split(".", 4);
  const digest = digests.get(head);
  if (digest === undefined || rest.length > 0) return undefined;
  const given = decodeBase64Url(signature);
  const message = decodeBase64Url(payload);
  if (given === undefined || message === undefined) return undefined;
  const signed = `${head}.${payload}`;
  const matches = keys.some((key) => equal(createHmac(digest, key).update(signed).digest(), given));
  return matches ? message : undefined;
}

/** Equal, in a time that tells nothing but the length, which is no secret. */
function equal(expected: Uint8Array, given: Uint8Array): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}
