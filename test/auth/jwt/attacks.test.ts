import { describe, expect, it } from "vitest";
import { createJwtVerifier } from "../../../src/auth/jwt/jwt-verifier.js";
import type { JwtOptions } from "../../../src/auth/jwt/options.js";
import { FakeClock } from "../../support/fake-clock.js";
import {
  byKey,
  bySecret,
  ecPair,
  edPair,
  forge,
  goodClaims,
  rsaPair,
  type Signer,
} from "../../support/jwts.js";
import { MemoryLogger } from "../../support/node.js";

const secret = "a secret that nobody but us and the signer knows of";
const [rsa, p256, ed] = [rsaPair(), ecPair(), edPair()];
const published = [{ ...rsa.jwk, kid: "r1" }, p256.jwk, ed.jwk];
const unsigned: Signer = () => Buffer.alloc(0);
const good = forge({ alg: "HS256" }, goodClaims, bySecret(secret));
const [head = "", body = "", signature = ""] = good.split(".");

function make(options: JwtOptions, logger = new MemoryLogger()) {
  const download = () => Promise.reject(new Error("nothing is to be downloaded"));
  return createJwtVerifier(options, { clock: new FakeClock(), logger, download });
}

async function reason(
  text: string,
  options: JwtOptions = { secret, publicKeys: published },
): Promise<string> {
  const logger = new MemoryLogger();
  const checked = await make(options, logger).verify(text);
  // A token that is refused leaves nothing behind.
  expect(logger.lines).toEqual([]);
  return checked.ok ? "passed" : checked.reason;
}

describe("a token that claims another algorithm", () => {
  it("does not fool the test itself", async () => expect(await reason(good)).toBe("passed"));

  it.each(["none", "None", "NONE", "nOnE", "", " none", "HS256 ", "hs256", "HS1", "RS1", "ES256K", "dir"])(
    "is refused: %j",
    async (alg) => {
      expect(await reason(forge({ alg }, goodClaims, unsigned))).toBe("invalid");
      expect(await reason(`${forge({ alg }, goodClaims, unsigned)}${signature}`)).toBe("invalid");
    },
  );

  it.each([null, 1, true, ["HS256"], { name: "HS256" }, undefined])("is refused: %j", async (alg) => {
    expect(await reason(forge({ alg }, goodClaims, () => bySecret(secret)(Buffer.from("x"), "HS256")))).toBe(
      "invalid",
    );
  });

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty"])("is refused: %s", async (alg) => {
    expect(await reason(forge({ alg }, goodClaims, unsigned))).toBe("invalid");
  });

  it.each([
    ["PEM text", rsa.pem],
    ["PEM text without its last newline", rsa.pem.trimEnd()],
    ["DER bytes", new Uint8Array(rsa.publicKey.export({ format: "der", type: "spki" }))],
    ["JSON", JSON.stringify(rsa.jwk)],
    ["modulus", Buffer.from(String(rsa.jwk.n), "base64url")],
  ])("cannot use a public key as a secret: its %s", async (_form, key) => {
    for (const alg of ["HS256", "HS384", "HS512"]) {
      const text = forge({ alg, kid: "r1" }, goodClaims, bySecret(key));
      expect(await reason(text, { publicKeys: [rsa.pem] })).toBe("invalid");
      expect(await reason(text)).toBe("invalid");
    }
  });

  it("cannot use the secret as a public key", async () => {
    const text = forge({ alg: "RS256" }, goodClaims, (input) => bySecret(secret)(input, "HS256"));
    expect(await reason(text, { secret })).toBe("invalid");
    expect(await reason(text)).toBe("invalid");
  });

  it("cannot use a key of another kind", async () => {
    for (const alg of ["RS256", "PS256", "EdDSA", "ES384", "ES512"])
      expect(
        await reason(
          forge({ alg }, goodClaims, (input) => byKey(p256)(input, "ES256")),
          {
            publicKeys: [p256.pem],
          },
        ),
      ).toBe("invalid");
  });

  it("cannot use an algorithm that the key was not made for", async () => {
    const publicKeys = [{ ...rsa.jwk, alg: "PS256" }];
    expect(await reason(forge({ alg: "PS256" }, goodClaims, byKey(rsa)), { publicKeys })).toBe("passed");
    expect(await reason(forge({ alg: "RS256" }, goodClaims, byKey(rsa)), { publicKeys })).toBe("invalid");
    const forEncryption = [{ ...rsa.jwk, use: "enc" }];
    const text = forge({ alg: "RS256" }, goodClaims, byKey(rsa));
    expect(await reason(text, { publicKeys: forEncryption })).toBe("invalid");
  });
});

describe("a token that brings its own key", () => {
  const evil = rsaPair();
  it.each([
    ["jwk", { jwk: evil.jwk }],
    ["jku", { jku: "http://127.0.0.1:1/keys" }],
    ["x5u", { x5u: "http://127.0.0.1:1/cert" }],
    ["x5c", { x5c: ["MIIB"] }],
    ["kid as a path", { kid: "../../../../dev/null" }],
    ["kid as SQL", { kid: "' OR 1=1 --" }],
    ["kid of a list", { kid: ["r1"] }],
    ["kid of nothing", { kid: null }],
  ])("is refused: %s", async (_what, header) => {
    expect(await reason(forge({ alg: "RS256", ...header }, goodClaims, byKey(evil)))).toBe("invalid");
  });

  it("is refused when its key is named, and another one signed", async () => {
    expect(await reason(forge({ alg: "RS256", kid: "r1" }, goodClaims, byKey(evil)))).toBe("invalid");
    expect(await reason(forge({ alg: "RS256", kid: "r2" }, goodClaims, byKey(rsa)))).toBe("invalid");
    // A key without a name may have signed it whatever the header says, but it must have.
    expect(await reason(forge({ alg: "ES256", kid: "r1" }, goodClaims, byKey(p256)))).toBe("passed");
    expect(await reason(forge({ alg: "ES256", kid: "r1" }, goodClaims, byKey(ecPair())))).toBe("invalid");
  });

  it("is refused when it has demands that we do not know", async () => {
    const signed = (header: object) => forge({ alg: "HS256", ...header }, goodClaims, bySecret(secret));
    expect(await reason(signed({ crit: ["exp"], exp: 1 }))).toBe("invalid");
    expect(await reason(signed({ crit: ["b64"], b64: false }))).toBe("invalid");
    expect(await reason(signed({ crit: [] }))).toBe("invalid");
  });
});

describe("a token that was changed", () => {
  const flip = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;

  it("is refused, wherever a character of it differs", async () => {
    const made = make({ secret });
    for (let at = 0; at < good.length; at++)
      expect((await made.verify(flip(good, at))).ok, `character ${at}`).toBe(false);
    // The last character holds two bits that mean nothing: a decoder that passes over them finds the same bytes.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bytes = Buffer.from(signature, "base64url");
    const spellings = [...alphabet].map((last) => `${signature.slice(0, -1)}${last}`);
    const same = spellings.filter((one) => one !== signature && Buffer.from(one, "base64url").equals(bytes));
    expect(same).toHaveLength(3);
    for (const one of same) expect(await reason(`${head}.${body}.${one}`)).toBe("invalid");
  });

  it("is refused, wherever it ends", async () => {
    const made = make({ secret });
    for (let at = 0; at < good.length; at++)
      expect((await made.verify(good.slice(0, at))).ok, `${at}`).toBe(false);
  });

  it.each([
    ["nothing", ""],
    ["dots", ".."],
    ["too few parts", `${head}.${body}`],
    ["too many parts", `${good}.${signature}`],
    ["no signature", `${head}.${body}.`],
    ["no header", `.${body}.${signature}`],
    ["padding", `${good}=`],
    ["spaces around", ` ${good} `],
    ["a line break", `${good}\n`],
    ["a scheme before it", `Bearer ${good}`],
    ["other claims", `${head}.${Buffer.from('{"exp":9e9}').toString("base64url")}.${signature}`],
    ["the standard alphabet", good.replaceAll("-", "+").replaceAll("_", "/").concat("==")],
    ["JSON", JSON.stringify({ payload: body, protected: head, signature })],
    ["NUL bytes", `${good}\0`],
    ["half a surrogate pair", `${good}\ud800`],
  ])("is refused: %s", async (_what, text) => expect(await reason(text)).toBe("invalid"));

  it.each([
    ["a list", "[1]"],
    ["a text", '"x"'],
    ["no JSON", "{exp:1}"],
    ["nothing", ""],
    ["null", "null"],
    ["bytes that are no UTF-8", "\ufffd"],
    ["a deep list", `${"[".repeat(2_000)}${"]".repeat(2_000)}`],
  ])("is refused though its signature is good: claims that are %s", async (_what, claims) => {
    expect(await reason(forge({ alg: "HS256" }, claims, bySecret(secret)))).toBe("invalid");
  });

  it("is not looked at when it is too long, whatever it is", async () => {
    expect(await reason(`${good}${"x".repeat(8_193 - good.length)}`)).toBe("too_large");
    expect(await reason("a".repeat(1_000_000))).toBe("too_large");
    const long = forge({ alg: "HS256" }, { ...goodClaims, x: "x".repeat(8_000) }, bySecret(secret));
    expect(await reason(long)).toBe("too_large");
    expect(await reason(long, { secret, tokenBytesMax: 20_000 })).toBe("passed");
  });

  it("is refused when another secret or key signed it", async () => {
    expect(await reason(forge({ alg: "HS256" }, goodClaims, bySecret(`${secret} `)))).toBe("invalid");
    expect(await reason(forge({ alg: "EdDSA" }, goodClaims, byKey(edPair())))).toBe("invalid");
    // The signature that some libraries took for good: both numbers zero.
    expect(await reason(forge({ alg: "ES256" }, goodClaims, () => Buffer.alloc(64)))).toBe("invalid");
    const der = forge({ alg: "ES256" }, goodClaims, () => Buffer.from("3006020100020100", "hex"));
    expect(await reason(der)).toBe("invalid");
  });
});

describe("options that would let somebody in", () => {
  const privatePem = rsa.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const jwksUrl = "https://id.example/keys";
  const named = { issuer: "i", audience: "a" };
  it.each([
    ["no key", {}, "no key"],
    ["a secret that can be guessed", { secret: "x".repeat(31) }, "32 bytes"],
    ["a secret shorter than its digest", { secret: "x".repeat(63), algorithms: ["HS512"] }, "64 bytes"],
    ["one short secret of several", { secret: [secret, "short"] }, "32 bytes"],
    ["no secrets", { secret: [] }, "1 to 16"],
    ["no public keys", { publicKeys: [] }, "1 to 100"],
    ["no algorithms", { secret, algorithms: [] }, "no algorithm"],
    ["the algorithm none", { secret, algorithms: ["none"] }, '"none" is no algorithm'],
    ["an algorithm without a key", { secret, algorithms: ["RS256"] }, "no key for it"],
    ["HS without a secret", { publicKeys: [rsa.pem], algorithms: ["HS256"] }, "no key for it"],
    ["a private key", { publicKeys: [privatePem] }, "is a secret"],
    ["a private JWK", { publicKeys: [{ ...rsa.jwk, d: "x" }] }, "is a secret"],
    ["a symmetric JWK", { publicKeys: [{ kty: "oct", k: "AAAA" }] }, "is a secret"],
    ["text that is no key", { publicKeys: ["hello"] }, "cannot be read"],
    ["an object that is no key", { publicKeys: [{ kty: "EC" }] }, "cannot be read"],
    ["an RSA key that can be factored", { publicKeys: [rsaPair(1024).pem] }, "2048 bits"],
    ["a published key set of anybody's tokens", { jwksUrl }, "issuer and audience"],
    ["a published key set for anybody", { jwksUrl, issuer: "i" }, "issuer and audience"],
    ["keys that come unprotected", { jwksUrl: "http://id.example/keys", ...named }, "https"],
    ["a file", { jwksUrl: "file:///etc/keys", ...named }, "https"],
    ["no URL", { jwksUrl: "keys", ...named }, "no URL"],
    ["a password in a URL", { jwksUrl: "https://u:p@id.example/keys", ...named }, "credentials"],
    ["an empty issuer", { secret, issuer: "" }, "issuer must be"],
    ["no audience of a list", { secret, audience: [] }, "audience must be"],
    ["a tolerance that is none", { secret, clockToleranceS: Number.NaN }, "clockToleranceS"],
    ["a tolerance for ever", { secret, clockToleranceS: Number.POSITIVE_INFINITY }, "clockToleranceS"],
    ["an age below a second", { secret, maxAgeS: 0 }, "maxAgeS"],
    ["no limit of size", { secret, tokenBytesMax: 0 }, "tokenBytesMax"],
    ["old keys that are never good", { jwksUrl, ...named, jwks: { staleMs: 1 } }, "staleMs"],
  ] as unknown as [string, JwtOptions, string][])("are refused: %s", (_what, options, message) => {
    expect(() => make(options)).toThrow(message);
    expect(() => make(options)).toThrow(expect.objectContaining({ code: "token_config_invalid" }));
  });

  it("never show a key in their error", () => {
    expect(() => make({ publicKeys: [privatePem] })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("MII") }),
    );
  });
});
