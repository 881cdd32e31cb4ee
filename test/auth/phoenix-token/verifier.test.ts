import { describe, expect, it } from "vitest";
import { Atom, type Term, Tuple } from "../../../src/auth/phoenix-token/term.js";
import {
  type PhoenixTokenVerifierOptions,
  phoenixTokenVerifier,
} from "../../../src/auth/phoenix-token/verifier.js";
import { phoenixToken } from "../../../src/edges/system/phoenix-token.js";

const nowMs = 1_700_000_000_500;
const clock = { now: () => nowMs };
const tokens = phoenixToken({ secret: "a secret of more than twenty bytes", salt: "user auth", clock });

async function outcome(text: string, options: Partial<PhoenixTokenVerifierOptions> = {}): Promise<unknown> {
  const checked = await phoenixTokenVerifier({ tokens, ...options }).verify(text);
  return checked.ok ? checked.token : checked.reason;
}

const signedIn = (seconds: number) => ({ signedAtSeconds: nowMs / 1000 + seconds });

describe("a verifier of Phoenix tokens", () => {
  it("knows when a token was signed, and until when it is good", async () => {
    expect(await outcome(tokens.sign("u1", { maxAgeSeconds: 60 }))).toEqual({
      subject: "u1",
      tokenId: undefined,
      issuedAtS: 1_700_000_000.5,
      expiresAtS: 1_700_000_060.5,
      claims: { sub: "u1", data: "u1" },
    });
    const endless = tokens.sign("u1", { maxAgeSeconds: Number.POSITIVE_INFINITY });
    expect(await outcome(endless)).toMatchObject({ expiresAtS: undefined });
    expect(await outcome(endless, { maxAgeSeconds: 5 })).toMatchObject({ expiresAtS: 1_700_000_005.5 });
  });

  it.each([
    [42, "42", { sub: "42", data: 42 }],
    [2n ** 70n, String(2n ** 70n), { data: 2n ** 70n }],
    [1.5, undefined, { data: 1.5 }],
    [null, undefined, { data: null }],
    [["u1"], undefined, { data: ["u1"] }],
    [new Tuple([new Atom("user"), 1]), undefined, { data: expect.any(Tuple) }],
    [new Map([[1, 2]]), undefined, { data: new Map([[1, 2]]) }],
    [{ sub: 7, jti: "t", role: "admin" }, "7", { sub: 7, jti: "t", role: "admin" }],
    [new Map([[new Atom("sub"), "u"]]), "u", { sub: "u" }],
    [{ sub: { a: 1 } }, undefined, { sub: { a: 1 } }],
  ] as [Term, string | undefined, object][])("finds the claims in %o", async (data, subject, claims) => {
    expect(await outcome(tokens.sign(data))).toMatchObject({ subject, claims });
  });

  it("has claims without a prototype", async () => {
    const data = JSON.parse('{"__proto__":{"admin":true},"jti":"t"}');
    const { claims, tokenId } = (await outcome(tokens.sign(data))) as {
      claims: Record<string, unknown>;
      tokenId: unknown;
    };
    expect(tokenId).toBe("t");
    expect(Object.getPrototypeOf(claims)).toBeNull();
    expect(claims.admin).toBeUndefined();
  });

  it("lets the application say what the data means, and refuse it", async () => {
    const claims = (data: Term) => (Array.isArray(data) ? { sub: data[0] } : undefined);
    expect(await outcome(tokens.sign(["u", 1]), { claims })).toMatchObject({ subject: "u" });
    expect(await outcome(tokens.sign("u"), { claims })).toBe("wrong_claim");
  });

  it("tells why a token does not pass", async () => {
    expect(await outcome(tokens.sign("u", signedIn(-61)), { maxAgeSeconds: 60 })).toBe("expired");
    expect(await outcome(tokens.sign("u", signedIn(60)))).toBe("invalid");
    expect(await outcome("nonsense")).toBe("invalid");
    expect(await outcome("x".repeat(70_000))).toBe("invalid");
  });

  it("keeps signed and encrypted tokens apart", async () => {
    const sealed = tokens.encrypt("u");
    expect(await outcome(sealed, { encrypted: true })).toMatchObject({ subject: "u" });
    expect(await outcome(sealed)).toBe("invalid");
    expect(await outcome(tokens.sign("u"), { encrypted: true })).toBe("invalid");
  });
});
