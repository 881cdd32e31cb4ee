import { pbkdf2Sync } from "node:crypto";
import type { Clock } from "../../contracts/clock.js";
import type { Random } from "../../contracts/random.js";
import { SimurghError } from "../../runtime/errors.js";
import {
  decryptMessage,
  encryptionIvBytes,
  encryptionKeyBytes,
  encryptMessage,
} from "./encrypted-message.js";
import { defaultMaxAgeSeconds, expiryMs, fromTerm, judgeAge, toTerm } from "./envelope.js";
import { signMessage, verifyMessage } from "./signed-message.js";
import type { Term, TermLimits } from "./term.js";
import { decodeTerm } from "./term-decode.js";
import { encodeTerm } from "./term-encode.js";

/** Settings of {@link createPhoenixToken}; the defaults are Phoenix's own. */
export interface PhoenixTokenOptions {
  /** Phoenix's `secret_key_base`, 20 bytes at least. Of a list the first signs and all verify. */
  readonly secret: string | readonly string[];
  /** What the tokens are for, such as "user auth"; tokens of one salt do not pass for another. */
  readonly salt: string;
  /** Default: "sha256". */
  readonly keyDigest?: "sha256" | "sha384" | "sha512";
  /** Rounds of PBKDF2. Default: 1000. */
  readonly keyIterations?: number;
  /** Bytes of the derived key. Default: 32, which is what encryption needs. */
  readonly keyLength?: number;
  /** Longest token that is looked at or made; a longer one is invalid. Default: 65,536. */
  readonly tokenBytesMax?: number;
  /** Containers within containers in the data. Default: 64. */
  readonly depthMax?: number;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "bytes">;
}

/** Settings of one token. */
export interface SignOptions {
  /** Seconds since 1970. Default: now. */
  readonly signedAtSeconds?: number;
  /** How long the token is good for; `Infinity`: for ever. Default: 86,400, a day. */
  readonly maxAgeSeconds?: number;
}

/** Settings of one check. */
export interface VerifyOptions {
  /** Beats the age that the token was signed with. `Infinity`: never expires. */
  readonly maxAgeSeconds?: number;
}

/** What is known of a token. Nothing of the data of a token that is refused is passed on. */
export type PhoenixTokenResult =
  | {
      readonly ok: true;
      readonly data: Term;
      readonly signedAtMs: number;
      /** The last millisecond that the token is good for; `Infinity` when it never expires. */
      readonly expiresAtMs: number;
    }
  | { readonly ok: false; readonly reason: "missing" | "invalid" | "expired" };

/** Makes and checks tokens that Phoenix makes and checks. */
export interface PhoenixToken {
  /** A token that everybody can read and nobody can change. */
  sign(data: Term, options?: SignOptions): string;
  /** Checks what `sign` made. Takes anything: what comes from a peer need not be a string. */
  verify(token: unknown, options?: VerifyOptions): PhoenixTokenResult;
  /** A token that nobody can read or change. */
  encrypt(data: Term, options?: SignOptions): string;
  /** Checks and reads what `encrypt` made, also by plug_crypto before version 2. */
  decrypt(token: unknown, options?: VerifyOptions): PhoenixTokenResult;
}

const secretBytesMin = 20;
const secretsMax = 16;

/** The keys of all secrets; the first one signs. */
type Keys = readonly [Uint8Array, ...Uint8Array[]];

type Open = (token: string, keys: Keys) => Uint8Array | undefined;

/**
 * Tokens of Phoenix, both ways. The keys are derived here, once for each secret, and kept as long as the object:
 * create one for each salt, not one for each token.
 */
export function createPhoenixToken(options: PhoenixTokenOptions): PhoenixToken {
  const { clock, random, tokenBytesMax = 65_536, depthMax = 64, keyLength = 32 } = options;
  requireCount("tokenBytesMax", tokenBytesMax);
  requireCount("depthMax", depthMax);
  const keys = deriveKeys(options, keyLength);
  // The envelope is a container around the data.
  const limits: TermLimits = { depthMax: depthMax + 1, bytesMax: tokenBytesMax };

  const pack = (data: Term, settings: SignOptions | undefined): Uint8Array => {
    const { signedAtSeconds, maxAgeSeconds = defaultMaxAgeSeconds } = settings ?? {};
    const signedAtMs = signedAtSeconds === undefined ? clock.now() : Math.trunc(signedAtSeconds * 1000);
    return encodeTerm(toTerm({ data, signedAtMs, maxAgeSeconds }), limits);
  };
  const bounded = (token: string): string => {
    if (token.length <= tokenBytesMax) return token;
    throw new SimurghError("token_data_invalid", `the token would have more than ${tokenBytesMax} bytes`);
  };
  const check = (token: unknown, settings: VerifyOptions | undefined, open: Open): PhoenixTokenResult => {
    const maxAgeSeconds = settings?.maxAgeSeconds;
    if (Number.isNaN(maxAgeSeconds))
      throw new SimurghError("token_config_invalid", "maxAgeSeconds is not a number");
    if (token === undefined || token === null) return refused("missing");
    if (typeof token !== "string" || token.length > tokenBytesMax) return refused("invalid");
    const message = open(token, keys);
    return message === undefined ? refused("invalid") : unpack(message, limits, maxAgeSeconds, clock.now());
  };

  return {
    sign: (data, settings) => bounded(signMessage(pack(data, settings), keys[0])),
    verify: (token, settings) => check(token, settings, verifyMessage),
    encrypt(data, settings) {
      if (keyLength !== encryptionKeyBytes) {
        throw new SimurghError(
          "token_config_invalid",
          `encryption needs a keyLength of ${encryptionKeyBytes}`,
        );
      }
      return bounded(encryptMessage(pack(data, settings), keys[0], random.bytes(encryptionIvBytes)));
    },
    decrypt: (token, settings) => check(token, settings, decryptMessage),
  };
}

function refused(reason: "missing" | "invalid" | "expired"): PhoenixTokenResult {
  return { ok: false, reason };
}

/** Judges a message that is known to be ours. */
function unpack(
  message: Uint8Array,
  limits: TermLimits,
  maxAgeAsked: number | undefined,
  nowMs: number,
): PhoenixTokenResult {
  const decoded = decodeTerm(message, limits);
  const envelope = decoded.ok ? fromTerm(decoded.term) : undefined;
  if (envelope === undefined) return refused("invalid");
  const { data, signedAtMs, maxAgeSeconds: maxAgeSigned } = envelope;
  const maxAgeSeconds = maxAgeAsked ?? maxAgeSigned;
  const verdict = judgeAge(signedAtMs, maxAgeSeconds, nowMs);
  if (verdict !== "ok") return refused(verdict);
  return { ok: true, data, signedAtMs, expiresAtMs: expiryMs(signedAtMs, maxAgeSeconds) };
}

function requireCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new SimurghError("token_config_invalid", `${name} must be a whole number of at least 1`);
}

function deriveKeys(options: PhoenixTokenOptions, keyLength: number): Keys {
  const { secret, salt, keyIterations = 1000, keyDigest = "sha256" } = options;
  requireCount("keyLength", keyLength);
  requireCount("keyIterations", keyIterations);
  const [first, ...others] = typeof secret === "string" ? [secret] : secret;
  if (first === undefined || others.length >= secretsMax) {
    throw new SimurghError("token_config_invalid", `there must be 1 to ${secretsMax} secrets`);
  }
  const derive = (one: string): Uint8Array => {
    if (Buffer.byteLength(one) >= secretBytesMin)
      return pbkdf2Sync(one, salt, keyIterations, keyLength, keyDigest);
    throw new SimurghError("token_config_invalid", `a secret has fewer than ${secretBytesMin} bytes`);
  };
  return [derive(first), ...others.map(derive)];
}
