import type { CryptoKey } from "jose";
import { isSecretAlgorithm, type JwtAlgorithm, type SecretAlgorithm, secretBytesMin } from "./algorithms.js";
import { invalidOption, type JwtOptions } from "./options.js";

const secretsMax = 16;

/** The keys of one algorithm, made of every secret. */
export type SecretKeys = (algorithm: SecretAlgorithm) => Promise<readonly CryptoKey[]>;

/** Makes keys of secrets, each once. Throws `token_config_invalid` for one that is too short for its algorithms. */
export function secretKeys(
  secret: NonNullable<JwtOptions["secret"]>,
  allowed: ReadonlySet<JwtAlgorithm>,
): SecretKeys {
  const list = typeof secret === "string" || secret instanceof Uint8Array ? [secret] : secret;
  if (list.length === 0 || list.length > secretsMax)
    throw invalidOption(`there must be 1 to ${secretsMax} secrets`);
  const bytes = list.map((one) => (typeof one === "string" ? new TextEncoder().encode(one) : one.slice()));
  const made = new Map<SecretAlgorithm, Promise<readonly CryptoKey[]>>();
  for (const algorithm of allowed) {
    if (!isSecretAlgorithm(algorithm)) continue;
    const min = secretBytesMin(algorithm);
    // RFC 7518, section 3.2.
    if (bytes.some(({ length }) => length < min))
      throw invalidOption(`${algorithm} needs secrets of ${min} bytes at least`);
    made.set(algorithm, Promise.all(bytes.map((one) => importSecret(one, algorithm))));
  }
  return (algorithm) => made.get(algorithm) ?? Promise.resolve([]);
}

function importSecret(bytes: Uint8Array, algorithm: SecretAlgorithm): Promise<CryptoKey> {
  const hash = `SHA-${algorithm.slice(2)}`;
  // A copy, for Node's types want bytes whose memory nobody shares.
  return crypto.subtle.importKey("raw", new Uint8Array(bytes), { name: "HMAC", hash }, false, ["verify"]);
}
