import { type CryptoKey, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { TokenRefusal, TokenVerifier, Verification } from "../../contracts/token.js";
import { decodeBase64Url } from "../base64url.js";
import { isJwtAlgorithm, isSecretAlgorithm, type JwtAlgorithm } from "./algorithms.js";
import { type CompiledJwtOptions, compileOptions, type JwtOptions, type JwtSurroundings } from "./options.js";
import { type FindKeys, type KeyHint, staticKeys } from "./public-keys.js";
import { refusalOf } from "./refusal.js";
import { RemoteKeys } from "./remote-keys.js";
import { type SecretKeys, secretKeys } from "./secret-keys.js";

/** Verifies JSON Web Tokens. Throws `token_config_invalid` for options that cannot work, or that would let all in. */
export function createJwtVerifier(options: JwtOptions, around: JwtSurroundings): TokenVerifier {
  return new JwtVerifier(options, around);
}

class JwtVerifier implements TokenVerifier {
  readonly #options: CompiledJwtOptions;
  readonly #around: JwtSurroundings;
  readonly #secret: SecretKeys | undefined;
  readonly #static: FindKeys | undefined;
  readonly #remote: RemoteKeys | undefined;

  constructor(options: JwtOptions, around: JwtSurroundings) {
    const { secret, publicKeys, jwksUrl, jwks = {} } = options;
    this.#options = compileOptions(options);
    this.#around = around;
    this.#secret = secret === undefined ? undefined : secretKeys(secret, this.#options.algorithms);
    this.#static = publicKeys === undefined ? undefined : staticKeys(publicKeys);
    this.#remote = jwksUrl === undefined ? undefined : new RemoteKeys(jwksUrl, jwks, around);
  }

  async verify(text: string): Promise<Verification> {
    if (text.length > this.#options.tokenBytesMax) return refused("too_large");
    const header = readHeader(text);
    if (header === undefined || !this.#options.algorithms.has(header.alg)) return refused("invalid");
    try {
      const keys = await this.#keysFor(header);
      return keys === undefined ? refused("unavailable") : await this.#tryKeys(text, header.alg, keys);
    } catch (cause) {
      const reason = refusalOf(cause);
      if (reason !== undefined) return refused(reason);
      const error = cause instanceof Error ? cause.message : String(cause);
      this.#around.logger.error("a key cannot be used", { alg: header.alg, error });
      return refused("invalid");
    }
  }

  /** The algorithm alone decides which kind of key may be used, so that none can pass for the other. */
  async #keysFor(hint: Header): Promise<readonly CryptoKey[] | undefined> {
    if (isSecretAlgorithm(hint.alg)) return this.#secret?.(hint.alg) ?? [];
    const given = (await this.#static?.(hint)) ?? [];
    return given.length > 0 || this.#remote === undefined ? given : this.#remote.find(hint);
  }

  async #tryKeys(text: string, alg: JwtAlgorithm, keys: readonly CryptoKey[]): Promise<Verification> {
    const { issuer, audience, type, requiredClaims, maxAgeS, clockToleranceS } = this.#options;
    const nowMs = this.#around.clock.now();
    const checks = {
      algorithms: [alg],
      requiredClaims: [...requiredClaims],
      clockTolerance: clockToleranceS,
      currentDate: new Date(nowMs),
      ...(issuer === undefined ? {} : { issuer: [...issuer] }),
      ...(audience === undefined ? {} : { audience: [...audience] }),
      ...(type === undefined ? {} : { typ: type }),
      ...(maxAgeS === undefined ? {} : { maxTokenAge: maxAgeS }),
    };
    for (const key of keys) {
      try {
        const { payload } = await jwtVerify(text, key, checks);
        return this.#conclude(payload, nowMs / 1000);
      } catch (cause) {
        // Signed with another one, perhaps.
        if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause;
      }
    }
    return refused("invalid");
  }

  #conclude(payload: JWTPayload, nowS: number): Verification {
    // The signer may have put anything there, whatever jose's types say.
    const { sub, jti, iat, nbf, exp }: Record<string, unknown> = payload;
    const { clockToleranceS, maxAgeS } = this.#options;
    if (!isTextOrAbsent(sub) || !isTextOrAbsent(jti)) return refused("wrong_claim");
    if (!isTimeOrAbsent(iat) || !isTimeOrAbsent(nbf) || !isTimeOrAbsent(exp)) return refused("wrong_claim");
    // Who revokes all that was issued before now must not be dodged by a clock that is ahead.
    if (iat !== undefined && iat > nowS + clockToleranceS) return refused("not_yet_valid");
    const ends = [exp, maxAgeS === undefined || iat === undefined ? undefined : iat + maxAgeS];
    const endS = Math.min(...ends.map((one) => one ?? Number.POSITIVE_INFINITY));
    return {
      ok: true,
      token: {
        subject: sub,
        tokenId: jti,
        issuedAtS: iat,
        notBeforeS: nbf,
        // The tolerance is part of it, or a token that just passed would have expired before.
        expiresAtS: endS === Number.POSITIVE_INFINITY ? undefined : endS + clockToleranceS,
        claims: Object.assign(Object.create(null), payload),
      },
    };
  }
}

function refused(reason: TokenRefusal): Verification {
  return { ok: false, reason };
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === "string";
}

/** JSON's 1e999 is infinite. */
function isTimeOrAbsent(value: unknown): value is number | undefined {
  return value === undefined || Number.isFinite(value);
}

interface Header extends KeyHint {
  readonly alg: JwtAlgorithm;
}

const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)$/;

/** Nothing here is true before the signature is verified; it says which key could verify it. */
function readHeader(text: string): Header | undefined {
  // jose takes padding, line breaks and stray bits at the end; one token is to have one spelling.
  const signature = shape.exec(text)?.[1];
  if (signature === undefined || decodeBase64Url(signature) === undefined) return undefined;
  try {
    const { alg, kid } = decodeProtectedHeader(text);
    return typeof alg === "string" && isJwtAlgorithm(alg) ? { alg, kid } : undefined;
  } catch {
    // No JWT at all.
    return undefined;
  }
}
