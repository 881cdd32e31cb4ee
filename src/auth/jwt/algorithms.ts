/** Algorithms whose key is a secret that both sides hold. */
export const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;

/** Algorithms whose verifier holds nothing that could sign. */
export const publicAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** An algorithm that shares a secret. */
export type SecretAlgorithm = (typeof secretAlgorithms)[number];

/** An algorithm that tokens may be signed with. There is no `none`. */
export type JwtAlgorithm = SecretAlgorithm | (typeof publicAlgorithms)[number];

/** Whether it is an algorithm that shares a secret. */
export function isSecretAlgorithm(name: string): name is SecretAlgorithm {
  return secretAlgorithms.some((one) => one === name);
}

/** Whether it is an algorithm that we know, which `none` is not. */
export function isJwtAlgorithm(name: string): name is JwtAlgorithm {
  return isSecretAlgorithm(name) || publicAlgorithms.some((one) => one === name);
}

/** Bytes of the digest of an algorithm that shares a secret: a shorter secret is easier to guess than the digest. */
export function secretBytesMin(algorithm: SecretAlgorithm): number {
  return Number(algorithm.slice(2)) / 8;
}
