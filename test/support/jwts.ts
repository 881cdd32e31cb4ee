import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A pair of keys, and its public half as it is published. */
export interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: { readonly kty: string; readonly [member: string]: unknown };
  readonly pem: string;
}

function pairOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Pair {
  const { kty = "", ...rest } = publicKey.export({ format: "jwk" });
  const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
  return { privateKey, publicKey, jwk: { kty, ...rest }, pem };
}

/** A new pair of RSA keys. */
export function rsaPair(bits = 2048): Pair {
  return pairOf(generateKeyPairSync("rsa", { modulusLength: bits }));
}

/** A new pair on an elliptic curve. */
export function ecPair(namedCurve = "P-256"): Pair {
  return pairOf(generateKeyPairSync("ec", { namedCurve }));
}

/** A new pair of Ed25519. */
export function edPair(): Pair {
  return pairOf(generateKeyPairSync("ed25519"));
}

/** Seconds since 1970 by a {@link FakeClock} that was not moved. */
export const startS = 1_700_001_000;

/** Claims that pass at that moment. */
export const goodClaims = { sub: "user-1", iat: startS - 10, exp: startS + 600 };

const encode = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Makes the signature of `input`. */
export type Signer = (input: Buffer, alg: string) => Buffer;

/** Signs with a secret. */
export function bySecret(secret: string | Uint8Array): Signer {
  return (input, alg) =>
    createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest();
}

/** Signs with a private key, by Node's own crypto: what the program under test uses has no part in it. */
export function byKey({ privateKey: key }: Pair): Signer {
  return (input, alg) => {
    if (alg.startsWith("Ed")) return sign(null, input, key);
    const padding = alg.startsWith("PS") ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    const extra = alg.startsWith("ES") ? ({ dsaEncoding: "ieee-p1363" } as const) : { padding };
    return sign(`sha${alg.slice(2)}`, input, { key, saltLength: constants.RSA_PSS_SALTLEN_DIGEST, ...extra });
  };
}

/** A token with any header and claims; texts are taken as they are. */
export function forge(header: object | string, claims: object | string, signer: Signer): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const alg = typeof header === "object" && "alg" in header ? String(header.alg) : "HS256";
  return `${input}.${signer(Buffer.from(input), alg).toString("base64url")}`;
}
