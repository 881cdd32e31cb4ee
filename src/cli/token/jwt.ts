import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { isSecretAlgorithm, type JwtAlgorithm, secretBytesMin } from "../../auth/jwt/algorithms.js";
import type { PublicKey } from "../../auth/jwt/options.js";
import type { TokenVerifier } from "../../contracts/token.js";
import { systemClock } from "../../edges/system/clock.js";
import { jwt } from "../../edges/system/jwt.js";
import { lineLogger } from "../../edges/system/logger.js";
import { SimurghError } from "../../runtime/errors.js";
import { parseJson, readInput, readSecret, type SecretSource } from "./input.js";

/** What the command line says of a JWT. */
export interface JwtChoice extends SecretSource {
  readonly alg?: JwtAlgorithm;
  readonly keyFile?: string;
  readonly jwksUrl?: string;
  readonly kid?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly expiresIn?: number;
  readonly maxAge?: number;
}

/** Signs claims that are written as a JSON object; what they say themselves wins over the options. */
export async function signJwt(data: string, choice: JwtChoice): Promise<string> {
  const given = parseJson(data);
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new SimurghError("token_data_invalid", "the claims of a JWT are a JSON object");
  const { keyFile } = choice;
  const { key, alg } = await (keyFile === undefined ? secretKey(choice) : privateKey(keyFile, choice.alg));
  const nowS = Math.floor(systemClock.now() / 1000);
  const { issuer: iss, audience: aud, expiresIn = 3_600 } = choice;
  const exp = expiresIn === Number.POSITIVE_INFINITY ? undefined : nowS + expiresIn;
  const entries = Object.entries({ iss, aud, iat: nowS, exp }).filter(([, value]) => value !== undefined);
  const kid = choice.kid === undefined ? {} : { kid: choice.kid };
  try {
    const token = new SignJWT({ ...Object.fromEntries(entries), ...given });
    return await token.setProtectedHeader({ alg, typ: "JWT", ...kid }).sign(key);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SimurghError("token_data_invalid", `the token cannot be signed: ${reason}`, { cause });
  }
}

async function secretKey(choice: JwtChoice): Promise<{ key: Uint8Array; alg: JwtAlgorithm }> {
  const { alg = "HS256" } = choice;
  if (!isSecretAlgorithm(alg))
    throw new SimurghError("token_input_missing", `${alg} needs a private key: say --key-file`);
  const key = Buffer.from(await readSecret(choice));
  const min = secretBytesMin(alg);
  if (key.length >= min) return { key, alg };
  throw new SimurghError("token_config_invalid", `${alg} needs a secret of ${min} bytes at least`);
}

const algorithmByKey: Readonly<Record<string, JwtAlgorithm>> = {
  rsa: "RS256",
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
  ed25519: "EdDSA",
};

async function privateKey(
  path: string,
  asked: JwtAlgorithm | undefined,
): Promise<{ key: KeyObject; alg: JwtAlgorithm }> {
  const text = await readInput(path, "the key");
  let key: KeyObject;
  try {
    key = text.trimStart().startsWith("{")
      ? createPrivateKey({ key: JSON.parse(text), format: "jwk" })
      : createPrivateKey(text);
  } catch {
    // OpenSSL's texts help nobody, and may quote the file.
    throw new SimurghError(
      "token_config_invalid",
      "the file of --key-file holds no private key that can be read",
    );
  }
  const { asymmetricKeyType = "", asymmetricKeyDetails } = key;
  const alg = asked ?? algorithmByKey[asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType];
  if (alg !== undefined) return { key, alg };
  throw new SimurghError("token_config_invalid", `no token can be signed with a key of ${asymmetricKeyType}`);
}

/** Makes the verifier of JWTs that the command line describes. */
export async function jwtVerifierOf(choice: JwtChoice): Promise<TokenVerifier> {
  const { alg, keyFile, jwksUrl, issuer, audience, maxAge } = choice;
  const keys =
    keyFile === undefined && jwksUrl === undefined
      ? { secret: await readSecret(choice) }
      : {
          ...(keyFile === undefined ? {} : { publicKeys: [await publicKey(keyFile)] }),
          ...(jwksUrl === undefined ? {} : { jwksUrl }),
        };
  return jwt({
    ...keys,
    ...(alg === undefined ? {} : { algorithms: [alg] }),
    ...(maxAge === undefined || maxAge === Number.POSITIVE_INFINITY ? {} : { maxAgeS: maxAge }),
    issuer: issuer ?? false,
    audience: audience ?? false,
    // One that never expires is shown as such; whether a server takes it is its business.
    expiryRequired: false,
    logger: lineLogger({ level: "warn" }),
  });
}

async function publicKey(path: string): Promise<PublicKey> {
  const text = await readInput(path, "the key");
  if (!text.trimStart().startsWith("{")) return text;
  // The verifier checks what it is.
  return parseJson(text) as PublicKey;
}
