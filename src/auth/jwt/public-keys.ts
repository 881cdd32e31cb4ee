import { createPublicKey, X509Certificate } from "node:crypto";
import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet, type JWK } from "jose";
import { invalidOption, type PublicKey } from "./options.js";

/** Keys of a set that fit a token and are tried, where its header does not name one. */
const keysTriedMax = 8;
const keysMax = 100;

/** What the header of a token says about its key. */
export interface KeyHint {
  readonly alg: string;
  readonly kid?: string | undefined;
}

/** The keys that may have signed a token: none, one, or a few when its header does not say. */
export type FindKeys = (hint: KeyHint) => Promise<readonly CryptoKey[]>;

/** A set as it was published. Throws when it is none. What it holds beside public keys for signatures is never used. */
export function keySet(published: unknown): FindKeys {
  if (!isSet(published)) throw new TypeError("no JSON Web Key Set");
  if (published.keys.length > keysMax) throw new TypeError(`a JSON Web Key Set of more than ${keysMax} keys`);
  const find = createLocalJWKSet(published);
  return async (hint) => {
    try {
      // Cast: `kid` may be undefined, which is the same as absent to the set.
      return [await find(hint as { alg: string })];
    } catch (cause) {
      return cause instanceof errors.JWKSMultipleMatchingKeys ? severalOf(cause) : noneOf(cause);
    }
  };
}

async function severalOf(
  several: InstanceType<typeof errors.JWKSMultipleMatchingKeys>,
): Promise<CryptoKey[]> {
  const keys: CryptoKey[] = [];
  for await (const key of several) {
    keys.push(key);
    if (keys.length === keysTriedMax) break;
  }
  return keys;
}

/** A key that the system cannot read is no key; what else may happen is a fault of ours. */
function noneOf(cause: unknown): never[] {
  if (cause instanceof errors.JOSEError || cause instanceof DOMException) return [];
  throw cause;
}

function isSet(value: unknown): value is JSONWebKeySet {
  return typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys);
}

/**
 * Makes a set of keys that are given. One without a `kid`, as PEM is, may have signed whatever `kid` a token names.
 * Throws `token_config_invalid` for what is no public key.
 */
export function staticKeys(keys: readonly PublicKey[]): FindKeys {
  if (keys.length === 0 || keys.length > keysMax)
    throw invalidOption(`there must be 1 to ${keysMax} publicKeys`);
  const all = keys.map(toJwk);
  const named = keySet({ keys: all.filter(({ kid }) => kid !== undefined) });
  const unnamed = keySet({ keys: all.filter(({ kid }) => kid === undefined) });
  return async (hint) => {
    const found = await named(hint);
    return found.length > 0 ? found : unnamed({ alg: hint.alg });
  };
}

const rsaBitsMin = 2048;

function toJwk(key: PublicKey, index: number): JWK {
  const fault = (what: string): Error => invalidOption(`publicKeys[${index}] ${what}`);
  if (typeof key === "string" ? key.includes("PRIVATE KEY") : "d" in key || "k" in key)
    throw fault("is a secret: who verifies needs the public key only");
  let made: ReturnType<typeof createPublicKey>;
  try {
    made = typeof key === "string" ? readPem(key) : createPublicKey({ key: { ...key }, format: "jwk" });
  } catch {
    // OpenSSL's texts help nobody, and the key is not to be written down.
    throw fault("cannot be read: PEM or a JSON Web Key is needed");
  }
  const { modulusLength = rsaBitsMin } = made.asymmetricKeyDetails ?? {};
  if (modulusLength < rsaBitsMin) throw fault(`has fewer than ${rsaBitsMin} bits`);
  const { kid, alg, use } = typeof key === "string" ? {} : (key as Record<string, unknown>);
  const named = Object.entries({ kid, alg, use }).filter(([, value]) => typeof value === "string");
  // Node's JWK has index signatures where jose's has names; the members are the same.
  return { ...made.export({ format: "jwk" }), ...Object.fromEntries(named) } as JWK;
}

function readPem(text: string): ReturnType<typeof createPublicKey> {
  return text.includes("BEGIN CERTIFICATE") ? new X509Certificate(text).publicKey : createPublicKey(text);
}
