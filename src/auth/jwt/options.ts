import type { Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import { SimurghError } from "../../runtime/errors.js";
import { isJwtAlgorithm, isSecretAlgorithm, type JwtAlgorithm, publicAlgorithms } from "./algorithms.js";

/** A public key: PEM text (SPKI, or an X.509 certificate), or a JSON Web Key. */
export type PublicKey = string | { readonly kty: string; readonly [member: string]: unknown };

/** How the keys of a `jwksUrl` are fetched and kept. */
export interface JwksSettings {
  /** Milliseconds after which they are fetched anew, when the next token comes. Default 600 000, ten minutes. */
  readonly refreshMs?: number;
  /** Milliseconds that they stay good for while they cannot be fetched. Default 3 600 000, an hour. */
  readonly staleMs?: number;
  /** Milliseconds between two fetches on account of a key that is not known. Default 30 000. */
  readonly cooldownMs?: number;
  /** Milliseconds that one fetch may take. Default 5 000. */
  readonly timeoutMs?: number;
  /** Bytes of an answer. Default 524 288. */
  readonly bytesMax?: number;
  /** Takes `http:` also from other machines. Default false: who sits on the way could put in keys of his own. */
  readonly allowHttp?: boolean;
}

/** Whose tokens pass, and which. At least one of `secret`, `publicKeys` and `jwksUrl` is needed. */
export interface JwtOptions {
  /** For HS256 and its like. Text stands for its UTF-8 bytes, 32 at least. Of a list all verify. */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** For RS, PS, ES and EdDSA. */
  readonly publicKeys?: readonly PublicKey[];
  /** Where the issuer publishes his public keys. */
  readonly jwksUrl?: string | URL;
  readonly jwks?: JwksSettings;
  /**
   * Algorithms that pass. Default: HS256 for a secret; all of RS, PS, ES and EdDSA for public keys, each of which fits
   * its own only. A secret is never used for these, nor a public key for HS.
   */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** Whose tokens pass; `false`: everybody's. Needed with a `jwksUrl`, otherwise `false` by default. */
  readonly issuer?: string | readonly string[] | false;
  /** Whom the tokens must be for, one of them; `false`: anybody. Needed with a `jwksUrl`, otherwise `false` by default. */
  readonly audience?: string | readonly string[] | false;
  /** The `typ` of the header, such as `at+jwt`. Default: any. */
  readonly type?: string;
  /** Claims that must be there, beside those that are checked. */
  readonly requiredClaims?: readonly string[];
  /** Whether a token must expire some day. Default true. */
  readonly expiryRequired?: boolean;
  /** Seconds since `iat` that a token is good for, whatever its `exp`. Default: no such limit. */
  readonly maxAgeS?: number;
  /** Seconds that the issuer's clock may be wrong. Default 5. */
  readonly clockToleranceS?: number;
  /** Characters of a token; a longer one is refused unread. Default 8 192. */
  readonly tokenBytesMax?: number;
}

/** What a verifier needs around it. */
export interface JwtSurroundings {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly logger: Logger;
  /** Fetches and parses the answer of a `jwksUrl`; rejects when it is none. */
  readonly download: (url: URL, limits: { timeoutMs: number; bytesMax: number }) => Promise<unknown>;
}

/** Options with every default filled in. */
export interface CompiledJwtOptions {
  readonly algorithms: ReadonlySet<JwtAlgorithm>;
  readonly issuer: readonly string[] | undefined;
  readonly audience: readonly string[] | undefined;
  readonly type: string | undefined;
  readonly requiredClaims: readonly string[];
  readonly maxAgeS: number | undefined;
  readonly clockToleranceS: number;
  readonly tokenBytesMax: number;
}

/** The error of an option that cannot work. */
export function invalidOption(message: string): SimurghError {
  return new SimurghError("token_config_invalid", message);
}

/** Throws unless it is a finite number of at least `min`. */
export function requireNumber(name: string, value: number, min: number): number {
  if (Number.isFinite(value) && value >= min) return value;
  throw invalidOption(`${name} must be a number of at least ${min}`);
}

/** Checks what does not depend on keys. Throws `token_config_invalid`. */
export function compileOptions(options: JwtOptions): CompiledJwtOptions {
  const { secret, publicKeys, jwksUrl, issuer, audience, maxAgeS, requiredClaims = [] } = options;
  const hasPublic = publicKeys !== undefined || jwksUrl !== undefined;
  if (secret === undefined && !hasPublic)
    throw invalidOption("there is no key: give secret, publicKeys or jwksUrl");
  if (jwksUrl !== undefined && (issuer === undefined || audience === undefined)) {
    // A public issuer signs for the whole world with the keys of that URL.
    throw invalidOption("with jwksUrl say whose tokens pass, and for whom: issuer and audience, or false");
  }
  return {
    algorithms: chooseAlgorithms(options.algorithms, secret !== undefined, hasPublic),
    issuer: names("issuer", issuer),
    audience: names("audience", audience),
    type: options.type,
    requiredClaims: (options.expiryRequired ?? true) ? [...requiredClaims, "exp"] : requiredClaims,
    maxAgeS: maxAgeS === undefined ? undefined : requireNumber("maxAgeS", maxAgeS, 1),
    clockToleranceS: requireNumber("clockToleranceS", options.clockToleranceS ?? 5, 0),
    tokenBytesMax: requireNumber("tokenBytesMax", options.tokenBytesMax ?? 8_192, 1),
  };
}

function chooseAlgorithms(
  asked: readonly JwtAlgorithm[] | undefined,
  hasSecret: boolean,
  hasPublic: boolean,
): ReadonlySet<JwtAlgorithm> {
  if (asked === undefined) {
    return new Set([...(hasSecret ? ["HS256" as const] : []), ...(hasPublic ? publicAlgorithms : [])]);
  }
  for (const name of asked) {
    if (!isJwtAlgorithm(name)) throw invalidOption(`${JSON.stringify(name)} is no algorithm that can pass`);
    const fits = isSecretAlgorithm(name) ? hasSecret : hasPublic;
    if (!fits) throw invalidOption(`${name} may pass, but there is no key for it`);
  }
  if (asked.length === 0) throw invalidOption("no algorithm may pass");
  return new Set(asked);
}

function names(
  option: string,
  value: string | readonly string[] | false | undefined,
): readonly string[] | undefined {
  if (value === undefined || value === false) return undefined;
  const list = typeof value === "string" ? [value] : value;
  if (list.length > 0 && list.every((one) => typeof one === "string" && one !== "")) return list;
  throw invalidOption(`${option} must be a text, a list of texts, or false`);
}
