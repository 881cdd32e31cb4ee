import { describe, expect, it } from "vitest";
import { createJwtVerifier } from "../../../src/auth/jwt/jwt-verifier.js";
import type { JwksSettings } from "../../../src/auth/jwt/options.js";
import { FakeClock } from "../../support/fake-clock.js";
import { byKey, bySecret, ecPair, forge, goodClaims, type Pair, rsaPair } from "../../support/jwts.js";
import { MemoryLogger, turn } from "../../support/node.js";

const [first, second, evil, rsa] = [ecPair(), ecPair(), ecPair(), rsaPair()];
const kid = (pair: Pair, name: string) => ({ ...pair.jwk, kid: name });
const longLived = { ...goodClaims, exp: goodClaims.exp + 1_000_000 };
const signed = (pair: Pair, name?: string, alg = "ES256") =>
  forge({ alg, ...(name === undefined ? {} : { kid: name }) }, longLived, byKey(pair));

/** An issuer that can be away, slow or wrong, and a verifier of his tokens. */
function issuer(settings: JwksSettings = {}) {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const state: { answer: unknown; asked: number; held: (() => void)[] | undefined } = {
    answer: { keys: [kid(first, "k1")] },
    asked: 0,
    held: undefined,
  };
  const download = async (): Promise<unknown> => {
    state.asked++;
    if (state.held !== undefined) await new Promise<void>((resolve) => state.held?.push(resolve));
    if (state.answer instanceof Error) throw state.answer;
    return state.answer;
  };
  const options = { jwksUrl: "https://id.example/keys?tenant=1", issuer: false, audience: false } as const;
  const verifier = createJwtVerifier({ ...options, jwks: settings }, { clock, logger, download });
  const outcome = async (text: string) => {
    const checked = await verifier.verify(text);
    return checked.ok ? "ok" : checked.reason;
  };
  return { state, clock, logger, outcome };
}

function release(held: (() => void)[]): void {
  for (const answer of held.splice(0)) answer();
}

const down = new Error("ECONNREFUSED");

describe("published keys", () => {
  it("are fetched once, when the first token comes, however many come at once", async () => {
    const { state, outcome } = issuer();
    expect(state.asked).toBe(0);
    const texts = Array.from({ length: 50 }, () => signed(first, "k1"));
    expect(new Set(await Promise.all(texts.map(outcome)))).toEqual(new Set(["ok"]));
    expect(state.asked).toBe(1);
  });

  it("are not fetched for tokens that none of them could have signed", async () => {
    const { state, outcome } = issuer();
    for (const text of ["x", "a.b.c", forge({ alg: "none" }, {}, () => Buffer.alloc(0))])
      expect(await outcome(text)).toBe("invalid");
    expect(await outcome(forge({ alg: "HS256" }, longLived, bySecret("x".repeat(64))))).toBe("invalid");
    expect(state.asked).toBe(0);
  });

  it("are found by name, by kind, or by trial", async () => {
    const { state, outcome } = issuer();
    state.answer = { keys: [kid(first, "k1"), kid(second, "k2"), kid(rsa, "r"), { kty: "??" }, {}] };
    expect(await outcome(signed(second, "k2"))).toBe("ok");
    expect(await outcome(signed(second, "k1"))).toBe("invalid");
    expect(await outcome(signed(second))).toBe("ok");
    expect(await outcome(signed(rsa, undefined, "PS256"))).toBe("ok");
    expect(await outcome(signed(evil))).toBe("invalid");
    expect(state.asked).toBe(1);
  });

  it("never include a secret, nor a private key", async () => {
    const { state, outcome } = issuer();
    const k = Buffer.from("x".repeat(64)).toString("base64url");
    const privateJwk = first.privateKey.export({ format: "jwk" });
    state.answer = {
      keys: [
        { kty: "oct", k, kid: "s" },
        { ...privateJwk, kid: "p" },
      ],
    };
    const bad = forge({ alg: "HS256", kid: "s" }, longLived, bySecret("x".repeat(64)));
    expect(await outcome(bad)).toBe("invalid");
    expect(await outcome(signed(first, "p"))).toBe("invalid");
  });
});

describe("a rotation", () => {
  it("is noticed by the first token of a new key", async () => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = { keys: [kid(first, "k1"), kid(second, "k2")] };
    await clock.advance(30_000);
    expect(await outcome(signed(second, "k2"))).toBe("ok");
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    expect(state.asked).toBe(2);
  });

  it("ends the life of a key that is not published any more, with the next refresh", async () => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = { keys: [kid(second, "k2")] };
    state.held = [];
    await clock.advance(600_001);
    // It is asked for in the background: nobody waits while the keys are not much older than that.
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    release(state.held);
    expect(await outcome(signed(second, "k2"))).toBe("ok");
    expect(await outcome(signed(first, "k1"))).toBe("invalid");
    expect(state.asked).toBe(2);
  });

  it("is asked for before the first token after a long lull passes", async () => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = { keys: [kid(second, "k2")] };
    await clock.advance(1_200_001);
    expect(await outcome(signed(first, "k1"))).toBe("invalid");
  });

  it("cannot be used to make us ask and ask", async () => {
    const { state, clock, outcome } = issuer();
    for (let round = 0; round < 100; round++) {
      expect(await outcome(signed(evil, `unknown-${round}`))).toBe("invalid");
      await clock.advance(1_000);
    }
    expect(state.asked).toBeLessThanOrEqual(5);
    expect(await outcome(signed(first, "k1"))).toBe("ok");
  });
});

describe("an issuer that does not answer", () => {
  it("leaves it open whether a token is good, and is not asked by each", async () => {
    const { state, clock, logger, outcome } = issuer();
    state.answer = down;
    for (let at = 0; at < 20; at++) expect(await outcome(signed(first, "k1"))).toBe("unavailable");
    expect(state.asked).toBe(1);
    expect(logger.at("warn")).toEqual(["keys of tokens cannot be fetched"]);
    // The query may hold what is nobody's business.
    expect(logger.lines[0]?.fields).toEqual({
      url: "https://id.example/keys",
      error: "ECONNREFUSED",
      oldKeysGoodForS: 0,
    });
    state.answer = { keys: [kid(first, "k1")] };
    await clock.advance(1_000);
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    expect(logger.at("info")).toEqual(["keys of tokens fetched again"]);
  });

  it("is asked ever more seldom, up to the cooldown", async () => {
    const { state, clock, outcome } = issuer();
    state.answer = down;
    const at: number[] = [];
    for (let second = 0; second < 130; second++) {
      const before = state.asked;
      await outcome(signed(first, "k1"));
      if (state.asked > before) at.push(second);
      await clock.advance(1_000);
    }
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
  });

  it("does not matter while the keys of last time are good, and nobody waits for it", async () => {
    const { state, clock, logger, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = down;
    for (let minute = 0; minute < 60; minute++) {
      expect(await outcome(signed(first, "k1")), `minute ${minute}`).toBe("ok");
      await clock.advance(60_000);
    }
    await clock.advance(1);
    expect(await outcome(signed(first, "k1"))).toBe("unavailable");
    expect(logger.at("warn")).toHaveLength(1);
    state.held = [];
    state.answer = { keys: [kid(first, "k1")] };
    await clock.advance(60_000);
    const waiting = outcome(signed(first, "k1"));
    await turn();
    release(state.held);
    expect(await waiting).toBe("ok");
  });

  it("does not hold up tokens of keys that are known while it hangs", async () => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.held = [];
    await clock.advance(700_000);
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    expect(state.held).toHaveLength(1);
  });

  it("leaves it open whether a key that is not known is one of his", async () => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = down;
    await clock.advance(30_000);
    expect(await outcome(signed(second, "k2"))).toBe("unavailable");
    expect(await outcome(signed(second, "k2"))).toBe("unavailable");
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = { keys: [kid(first, "k1"), kid(second, "k2")] };
    await clock.advance(30_000);
    expect(await outcome(signed(second, "k2"))).toBe("ok");
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["a text", "keys"],
    ["no list", { keys: { a: 1 } }],
    ["a list of texts", { keys: ["a"] }],
    ["too many keys", { keys: Array.from({ length: 101 }, () => kid(first, "k1")) }],
  ])("counts as such when it answers %s", async (_what, answer) => {
    const { state, clock, outcome } = issuer();
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    state.answer = answer;
    await clock.advance(600_001);
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    expect(await outcome(signed(first, "k1"))).toBe("ok");
    expect(state.asked).toBe(2);
  });
});
