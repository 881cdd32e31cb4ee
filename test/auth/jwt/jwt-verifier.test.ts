import { describe, expect, it } from "vitest";
import type { JwtAlgorithm } from "../../../src/auth/jwt/algorithms.js";
import { createJwtVerifier } from "../../../src/auth/jwt/jwt-verifier.js";
import type { JwtOptions } from "../../../src/auth/jwt/options.js";
import type { TokenVerifier } from "../../../src/contracts/token.js";
import { FakeClock } from "../../support/fake-clock.js";
import {
  byKey,
  bySecret,
  ecPair,
  edPair,
  forge,
  goodClaims,
  type Pair,
  rsaPair,
  startS,
} from "../../support/jwts.js";
import { MemoryLogger } from "../../support/node.js";

const secret = "a secret of enough bytes for every algorithm, which is sixty-four of them";
const [rsa, p256, p384, p521, ed] = [rsaPair(), ecPair(), ecPair("P-384"), ecPair("P-521"), edPair()];
const byAlgorithm: readonly (readonly [JwtAlgorithm, Pair])[] = [
  ["RS256", rsa],
  ["RS384", rsa],
  ["RS512", rsa],
  ["PS256", rsa],
  ["PS384", rsa],
  ["PS512", rsa],
  ["ES256", p256],
  ["ES384", p384],
  ["ES512", p521],
  ["EdDSA", ed],
  ["Ed25519", ed],
];

function verifier(options: JwtOptions, logger = new MemoryLogger()): TokenVerifier {
  const download = () => Promise.reject(new Error("nothing is to be downloaded"));
  return createJwtVerifier(options, { clock: new FakeClock(), logger, download });
}

async function outcome(made: TokenVerifier, text: string): Promise<unknown> {
  const checked = await made.verify(text);
  return checked.ok ? checked.token : checked.reason;
}

const hs256 = (claims: object | string, header: object | string = { alg: "HS256", typ: "JWT" }) =>
  forge(header, claims, bySecret(secret));

describe("a token that passes", () => {
  it.each(["HS256", "HS384", "HS512"] as const)("is signed with a secret: %s", async (alg) => {
    const made = verifier({ secret, algorithms: [alg] });
    expect(await outcome(made, hs256(goodClaims, { alg }))).toEqual({
      subject: "user-1",
      tokenId: undefined,
      issuedAtS: startS - 10,
      notBeforeS: undefined,
      expiresAtS: startS + 605,
      claims: goodClaims,
    });
  });

  it.each(byAlgorithm)("is signed with a private key: %s", async (alg, pair) => {
    const text = forge({ alg }, goodClaims, byKey(pair));
    for (const key of [pair.pem, pair.jwk]) {
      expect(await outcome(verifier({ publicKeys: [key] }), text)).toMatchObject({ subject: "user-1" });
    }
    const others = byAlgorithm.filter(([name]) => name !== alg).map(([name]) => name);
    expect(await outcome(verifier({ publicKeys: [pair.pem], algorithms: others }), text)).toBe("invalid");
  });

  it("may be one of RFC 7515", async () => {
    const payload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const a1 = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
    const signature =
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const a3 = `eyJhbGciOiJFUzI1NiJ9.${payload}.${signature}`;
    const jwk = {
      kty: "EC",
      crv: "P-256",
      x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    };
    const clock = { now: () => 1_300_819_379_000, monotonic: () => 0 };
    const download = () => Promise.reject(new Error("nothing is to be downloaded"));
    const around = { clock, logger: new MemoryLogger(), download };
    const options = { secret: Buffer.from(key, "base64url"), publicKeys: [jwk], issuer: "joe" };
    const made = createJwtVerifier(options, around);
    for (const text of [a1, a3]) {
      expect(await outcome(made, text)).toMatchObject({ claims: { "http://example.com/is_root": true } });
    }
    expect(await outcome(verifier(options), a1)).toBe("expired");
  });

  it("is signed with any of several secrets or keys", async () => {
    const older = "an older secret that is not yet out of use";
    const made = verifier({ secret: [secret, older], publicKeys: [ecPair().jwk, p256.pem, rsa.pem] });
    expect(await outcome(made, forge({ alg: "HS256" }, goodClaims, bySecret(older)))).toMatchObject({});
    expect(await outcome(made, forge({ alg: "ES256" }, goodClaims, byKey(p256)))).toMatchObject({});
    expect(await outcome(made, forge({ alg: "ES256" }, goodClaims, byKey(ecPair())))).toBe("invalid");
  });

  it("has claims that are nothing but claims, whatever their names", async () => {
    const text = hs256(`{"exp":${goodClaims.exp},"__proto__":{"admin":true},"constructor":1,"toString":2}`);
    const token = await outcome(verifier({ secret }), text);
    const { claims } = token as { claims: Record<string, unknown> };
    expect(Object.getPrototypeOf(claims)).toBeNull();
    expect(Object.keys(claims)).toEqual(["exp", "__proto__", "constructor", "toString"]);
    expect(claims.admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe("time", () => {
  const at = (claims: object, options: Partial<JwtOptions> = {}) =>
    outcome(verifier({ secret, ...options }), hs256({ ...goodClaims, ...claims }));

  it.each([
    ["expired long ago", { exp: startS - 600 }, "expired"],
    ["expired just beyond the tolerance", { exp: startS - 5 }, "expired"],
    ["expired within the tolerance", { exp: startS - 4 }, { expiresAtS: startS + 1 }],
    ["not yet valid", { nbf: startS + 6 }, "not_yet_valid"],
    ["valid within the tolerance", { nbf: startS + 5 }, { notBeforeS: startS + 5 }],
    ["issued in the future", { iat: startS + 6 }, "not_yet_valid"],
    ["an expiry that is a text", { exp: String(startS + 600) }, "wrong_claim"],
    ["an expiry that is nothing", { exp: null }, "wrong_claim"],
    ["a start that is a text", { nbf: "0" }, "wrong_claim"],
    ["an issue that is a list", { iat: [1] }, "wrong_claim"],
  ])("%s", async (_what, claims, wanted) => {
    const result = await at(claims);
    if (typeof wanted === "string") expect(result).toBe(wanted);
    else expect(result).toMatchObject(wanted);
  });

  it("has an end for every token, unless that is waived", async () => {
    const { exp, ...endless } = goodClaims;
    const made = verifier({ secret });
    expect(await outcome(made, hs256(endless))).toBe("wrong_claim");
    expect(await outcome(made, hs256(`{"exp":1e999}`))).toBe("wrong_claim");
    const waived = await outcome(verifier({ secret, expiryRequired: false }), hs256(endless));
    expect(waived).toMatchObject({ subject: "user-1", expiresAtS: undefined });
    expect(exp).toBe(startS + 600);
  });

  it("ends early where tokens may have a certain age only", async () => {
    expect(await at({ iat: startS - 50 }, { maxAgeS: 60 })).toMatchObject({ expiresAtS: startS + 15 });
    expect(await at({ iat: startS - 70 }, { maxAgeS: 60 })).toBe("expired");
    expect(await at({ iat: undefined }, { maxAgeS: 60 })).toBe("wrong_claim");
    expect(await at({ iat: startS + 60 }, { maxAgeS: 60 })).toBe("not_yet_valid");
  });

  it("has no tolerance where none is wanted", async () => {
    expect(await at({ exp: startS }, { clockToleranceS: 0 })).toBe("expired");
    expect(await at({ exp: startS + 1 }, { clockToleranceS: 0 })).toMatchObject({ expiresAtS: startS + 1 });
  });
});

describe("claims that are asked for", () => {
  const rules = { secret, issuer: ["https://id.example", "https://old.example"], audience: "chat" };
  const base = { ...goodClaims, iss: "https://id.example", aud: "chat" };
  it.each([
    ["all as they should be", base, { subject: "user-1" }],
    ["one audience of several", { ...base, aud: ["mail", "chat"] }, { subject: "user-1" }],
    ["another issuer that is trusted", { ...base, iss: "https://old.example" }, { subject: "user-1" }],
    ["an issuer that is not", { ...base, iss: "https://evil.example" }, "wrong_issuer"],
    ["an issuer that begins alike", { ...base, iss: "https://id.example.evil.example" }, "wrong_issuer"],
    ["an issuer in a list", { ...base, iss: ["https://id.example"] }, "wrong_issuer"],
    ["no issuer", { ...base, iss: undefined }, "wrong_issuer"],
    ["another audience", { ...base, aud: "mail" }, "wrong_audience"],
    ["an audience that begins alike", { ...base, aud: "chatter" }, "wrong_audience"],
    ["no audience", { ...base, aud: undefined }, "wrong_audience"],
    ["a subject that is a number", { ...base, sub: 5 }, "wrong_claim"],
    ["a name that is an object", { ...base, jti: {} }, "wrong_claim"],
  ])("%s", async (_what, claims, wanted) => {
    const result = await outcome(verifier(rules), hs256(claims));
    if (typeof wanted === "string") expect(result).toBe(wanted);
    else expect(result).toMatchObject(wanted);
  });

  it("may be any that the application needs, and the kind of token", async () => {
    const made = verifier({ secret, requiredClaims: ["room"], type: "at+jwt" });
    const typed = { alg: "HS256", typ: "at+JWT" };
    expect(await outcome(made, hs256({ ...goodClaims, room: 1 }, typed))).toMatchObject({
      claims: { room: 1 },
    });
    expect(await outcome(made, hs256(goodClaims, typed))).toBe("wrong_claim");
    expect(await outcome(made, hs256({ ...goodClaims, room: 1 }))).toBe("wrong_claim");
  });
});
