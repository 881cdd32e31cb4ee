import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PhoenixToken } from "../../../src/auth/phoenix-token/phoenix-token.js";
import { Atom, type Term, Tuple } from "../../../src/auth/phoenix-token/term.js";
import { secret, signedAt, tokenAt, vectors } from "./vectors.js";

const missing = { ok: false, reason: "missing" };
const invalid = { ok: false, reason: "invalid" };
const expired = { ok: false, reason: "expired" };
const ok = (data: unknown) => expect.objectContaining({ ok: true, data });
const { signed, foreign, encrypted } = vectors;
const user = new Tuple([new Atom("user"), 42]);
const tokens = tokenAt(1000);
const other = "another secret of enough bytes";

/** Both kinds of tokens, which share all that is said of ages and secrets. */
const kinds: readonly [string, keyof PhoenixToken, keyof PhoenixToken][] = [
  ["signed", "sign", "verify"],
  ["encrypted", "encrypt", "decrypt"],
];
type Make = (data: Term, options?: object) => string;
type Check = (token: unknown, options?: object) => unknown;
const of = (token: PhoenixToken, make: keyof PhoenixToken, check: keyof PhoenixToken) => ({
  make: token[make] as Make,
  check: token[check] as Check,
});

describe("tokens that Elixir made", () => {
  it("are made here just the same", () => {
    expect(tokens.sign(1, { signedAtSeconds: 0 })).toBe(signed.plain);
    expect(tokenAt(0).sign("u1")).toBe(
      "SFMyNTY.g2gDbQAAAAJ1MW4GAABo5c-LAWIAAVGA.gVAxp5nsWw1k-hbktgqP3C-En9oRjZ2OeFHi1tohSQc",
    );
    expect(tokens.sign("x", { signedAtSeconds: signedAt + 0.1239 })).toBe(signed.fraction_at);
    expect(tokens.sign("x", { signedAtSeconds: signedAt, maxAgeSeconds: 60 })).toBe(signed.short);
    expect(tokens.sign("x", { signedAtSeconds: signedAt, maxAgeSeconds: 0.5 })).toBe(signed.fraction_age);
    expect(tokens.sign("x", { signedAtSeconds: signedAt, maxAgeSeconds: 0 })).toBe(signed.never);
    expect(tokens.encrypt(1, { signedAtSeconds: 0 })).toBe(
      "XCP.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXODTEd7QnTlTPFGt2Zo8WJSy7jkbLWhPeI6aLcQ",
    );
  });

  it.each([
    ["sha384_key", { keyDigest: "sha384" }],
    ["sha512_key", { keyDigest: "sha512" }],
    ["rounds", { keyIterations: 3 }],
    ["short_key", { keyLength: 16 }],
  ] as const)("pass with the same key settings and no others: %s", (name, options) => {
    expect(tokenAt(1000, options).sign("x", { signedAtSeconds: signedAt })).toBe(signed[name]);
    expect(tokenAt(1000, options).verify(signed[name])).toEqual(ok("x"));
    expect(tokens.verify(signed[name])).toEqual(invalid);
  });

  it("pass, with the term they carry", () => {
    expect(tokens.verify(signed.tuple)).toEqual({
      ok: true,
      data: user,
      signedAtMs: signedAt * 1000,
      expiresAtMs: (signedAt + 86_400) * 1000,
    });
  });

  it.each(["sha384", "sha512", "pair", "map"])("pass in every form that Phoenix reads: %s", (name) => {
    expect(tokens.verify(foreign[name])).toEqual(ok("x"));
    expect(tokenAt(86_400_001).verify(foreign[name])).toEqual(expired);
  });

  it("pass when the term is compressed", () => {
    expect(tokens.verify(foreign.compressed)).toEqual(ok("a".repeat(1000)));
  });

  it.each(["one", "four", "text_age", "no_time"])("are invalid in a form that none is: %s", (name) => {
    expect(tokens.verify(foreign[name])).toEqual(invalid);
  });

  it.each(["current", "legacy"])("are decrypted: %s", (name) => {
    expect(tokens.decrypt(encrypted[name])).toEqual(ok(user));
    expect(tokenAt(86_400_001).decrypt(encrypted[name])).toEqual(expired);
    expect(tokenAt(1000, { secret: other }).decrypt(encrypted[name])).toEqual(invalid);
    expect(tokenAt(1000, { salt: "other" }).decrypt(encrypted[name])).toEqual(invalid);
  });

  it("are decrypted when the key of old had 128 bits", () => {
    const short = tokenAt(1000, { keyLength: 16 });
    expect(short.decrypt(encrypted.legacy128)).toEqual(ok(user));
    expect(short.decrypt(encrypted.current)).toEqual(invalid);
    expect(tokens.decrypt(encrypted.legacy128)).toEqual(invalid);
  });

  it("carry empty data", () => {
    expect(tokens.decrypt(encrypted.empty)).toEqual(ok(""));
  });
});

describe.each(kinds)("the age of a %s token", (_kind, makeName, checkName) => {
  const at = (nowMs: number) => of(tokenAt(nowMs), makeName, checkName);
  const token = at(0).make("x", { maxAgeSeconds: 60 });

  it("is good to the millisecond", () => {
    expect(at(60_000).check(token)).toEqual(ok("x"));
    expect(at(60_001).check(token)).toEqual(expired);
  });

  it("is a day unless said otherwise", () => {
    const day = at(0).make("x");
    expect(at(86_400_000).check(day)).toEqual(ok("x"));
    expect(at(86_400_001).check(day)).toEqual(expired);
  });

  it("is what the one who checks says, rather than what the token says", () => {
    expect(at(60_001).check(token, { maxAgeSeconds: 61 })).toEqual(ok("x"));
    expect(at(30_001).check(token, { maxAgeSeconds: 30 })).toEqual(expired);
    expect(at(100).check(token, { maxAgeSeconds: 0.1 })).toEqual(ok("x"));
    expect(at(101).check(token, { maxAgeSeconds: 0.1 })).toEqual(expired);
    expect(at(0).check(token, { maxAgeSeconds: 0.1009 })).toMatchObject({
      expiresAtMs: signedAt * 1000 + 100,
    });
  });

  it("is over at once when it is zero or less, also before the token was signed", () => {
    for (const maxAgeSeconds of [0, -1, -0.5, Number.NEGATIVE_INFINITY]) {
      expect(at(0).check(token, { maxAgeSeconds })).toEqual(expired);
      expect(at(-1).check(token, { maxAgeSeconds })).toEqual(expired);
    }
  });

  it("never ends when it is infinite, asked for or signed", () => {
    const forever = at(0).make("x", { maxAgeSeconds: Number.POSITIVE_INFINITY });
    expect(at(1e15).check(forever)).toEqual(expect.objectContaining({ ok: true, expiresAtMs: Infinity }));
    expect(at(1e15).check(forever, { maxAgeSeconds: 60 })).toEqual(expired);
    expect(at(1e15).check(token, { maxAgeSeconds: Infinity })).toEqual(ok("x"));
  });

  it("has not begun when the token was signed in the future, unless the age is infinite", () => {
    expect(at(-1).check(token)).toEqual(invalid);
    expect(at(-1).check(token, { maxAgeSeconds: Infinity })).toEqual(ok("x"));
  });

  it("cannot be something that is no number", () => {
    const config = expect.objectContaining({ code: "token_config_invalid" });
    expect(() => at(0).check(token, { maxAgeSeconds: Number.NaN })).toThrow(config);
    expect(() => at(0).check(undefined, { maxAgeSeconds: Number.NaN })).toThrow(config);
    const data = expect.objectContaining({ code: "token_data_invalid" });
    expect(() => at(0).make("x", { maxAgeSeconds: Number.NaN })).toThrow(data);
    expect(() => at(0).make("x", { signedAtSeconds: Number.NaN })).toThrow(data);
    expect(() => at(0).make("x", { signedAtSeconds: Infinity })).toThrow(data);
  });

  it("reads what Elixir signed for ever, a fraction of a second, and never", () => {
    expect(tokenAt(1e15).verify(signed.forever)).toEqual(ok("x"));
    expect(tokenAt(500).verify(signed.fraction_age)).toEqual(ok("x"));
    expect(tokenAt(501).verify(signed.fraction_age)).toEqual(expired);
    expect(tokenAt(0).verify(signed.never)).toEqual(expired);
  });
});

describe.each(kinds)("a %s token that is not one", (_kind, makeName, checkName) => {
  const { make, check } = of(tokens, makeName, checkName);
  const token = make({ id: 42 });

  it("is missing when there is none", () => {
    expect(check(undefined)).toEqual(missing);
    expect(check(null)).toEqual(missing);
  });

  it.each<[string, unknown]>([
    ["an empty string", ""],
    ["a word", "garbage"],
    ["dots", "..."],
    ["a number", 42],
    ["an object", { toString: () => token }],
    ["a list", [token]],
    ["a head alone", `${token.split(".")[0]}.`],
    ["an unknown head", token.replace(/^[^.]+/, "bm9uZQ")],
    ["a head that objects have", token.replace(/^[^.]+/, "constructor")],
    ["a part too many", `${token}.`],
    ["a dot in front", `.${token}`],
    ["a blank behind", `${token} `],
    ["a line behind", `${token}\n`],
    ["padding", `${token}=`],
    [
      "the other alphabet",
      token
        .replaceAll("-", "+")
        .replaceAll("_", "/")
        .replace(/^([^.]+)\..*/, "$1.++//"),
    ],
    ["a character beyond the alphabet", token.replace(/.$/, "é")],
    ["a null character", token.replace(/.$/, "\0")],
    ["a megabyte", "a".repeat(1_000_000)],
    ["a megabyte of dots", ".".repeat(1_000_000)],
    ["a megabyte behind a token", token + "A".repeat(1_000_000)],
  ])("is invalid: %s", (_what, value) => {
    expect(check(value)).toEqual(invalid);
  });

  it("is invalid with any one character changed, left out or added", () => {
    for (let index = 0; index < token.length; index += 1) {
      const changed = token[index] === "A" ? "B" : "A";
      expect(check(token.slice(0, index) + changed + token.slice(index + 1))).toEqual(invalid);
      expect(check(token.slice(0, index) + token.slice(index + 1))).toEqual(invalid);
      expect(check(`${token.slice(0, index)}A${token.slice(index)}`)).toEqual(invalid);
      expect(check(token.slice(0, index))).toEqual(invalid);
    }
  });

  it("is invalid in every other spelling of the same bytes", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet.indexOf(token.at(-1) ?? "");
    for (let index = 0; index < 64; index += 1) {
      if (index !== last) expect(check(token.slice(0, -1) + alphabet[index])).toEqual(invalid);
    }
  });

  it("is invalid for another salt and for another secret", () => {
    for (const options of [{ salt: "other" }, { secret: other }]) {
      expect(of(tokenAt(1000, options), makeName, checkName).check(token)).toEqual(invalid);
    }
  });

  it("is never thrown about, whatever a peer sends", () => {
    const part = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.base64String({ maxLength: 60 }));
    const head = fc.constantFrom("SFMyNTY", "SFMzODQ", "SFM1MTI", "XCP", "QTEyOEdDTQ", "");
    const any = fc
      .tuple(head, fc.array(part, { maxLength: 5 }))
      .map(([first, rest]) => [first, ...rest].join("."));
    fc.assert(
      fc.property(fc.oneof(any, fc.anything()), (value) => {
        expect(check(value)).toEqual(value === null || value === undefined ? missing : invalid);
      }),
      { numRuns: 3_000, seed: 3 },
    );
  });
});

describe("a message that is ours and no token", () => {
  it.each(["", "8361", "836101", "8364", `83${"6801".repeat(500)}6101`])("is invalid: %s", (hex) => {
    const text = `SFMyNTY.${Buffer.from(hex, "hex").toString("base64url")}`;
    const key = Buffer.from("2accee82cd986fd3c15e55abf3db03db01e891a4bb9469389a7584fdda020199", "hex");
    const token = `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
    expect(tokens.verify(token)).toEqual(invalid);
  });
});

describe("an encrypted token", () => {
  it("is not the same twice when chance is not", () => {
    let turn = 0;
    const bytes = (length: number) =>
      new Uint8Array(createHash("sha512").update(`${turn++}`).digest()).slice(0, length);
    const fresh = tokenAt(0, { random: { bytes } });
    expect(fresh.encrypt("x")).not.toBe(fresh.encrypt("x"));
  });

  it("does not show what it carries", () => {
    expect(Buffer.from(tokens.encrypt("the secret word"), "base64url").includes("secret")).toBe(false);
  });

  it("does not pass for a signed one, nor the other way round", () => {
    expect(tokens.verify(tokens.encrypt(1))).toEqual(invalid);
    expect(tokens.decrypt(tokens.sign(1))).toEqual(invalid);
  });

  it("of old is invalid with any byte changed", () => {
    const parts = (encrypted.legacy ?? "").split(".");
    for (let part = 1; part < parts.length; part += 1) {
      const bytes = Buffer.from(parts[part] ?? "", "base64url");
      for (let index = 0; index < bytes.length; index += 1) {
        const changed = Buffer.from(bytes);
        changed[index] = (changed[index] ?? 0) ^ 1;
        const token = parts.with(part, changed.toString("base64url")).join(".");
        expect(tokens.decrypt(token)).toEqual(invalid);
      }
    }
  });

  it("of old is invalid with parts of a wrong length, one part less or one more", () => {
    const parts = (encrypted.legacy ?? "").split(".");
    expect(tokens.decrypt(`${encrypted.legacy}.AA`)).toEqual(invalid);
    expect(tokens.decrypt(`${encrypted.legacy}.`)).toEqual(invalid);
    expect(tokens.decrypt(parts.slice(0, 4).join("."))).toEqual(invalid);
    for (const part of [1, 2, 3, 4]) {
      for (const text of ["", "AA", "A".repeat(400)]) {
        expect(tokens.decrypt(parts.with(part, text).join("."))).toEqual(invalid);
      }
    }
  });
});

describe.each(kinds)("when secrets are rotated, a %s token", (_kind, makeName, checkName) => {
  const old = of(tokenAt(0, { secret: other }), makeName, checkName);
  const both = of(tokenAt(0, { secret: [secret, other] }), makeName, checkName);
  const fresh = of(tokenAt(0, { secret: [secret] }), makeName, checkName);

  it("of the old secret passes as long as the list has it", () => {
    expect(both.check(old.make("x"))).toEqual(ok("x"));
    expect(fresh.check(old.make("x"))).toEqual(invalid);
  });

  it("is made with the first secret", () => {
    expect(fresh.check(both.make("x"))).toEqual(ok("x"));
    expect(old.check(both.make("x"))).toEqual(invalid);
  });
});

describe("settings that cannot work", () => {
  const config = expect.objectContaining({ code: "token_config_invalid" });

  it.each([
    ["no secret", { secret: [] }],
    ["a short secret", { secret: "nineteen characters" }],
    ["a short secret in a list", { secret: [secret, "short"] }],
    ["too many secrets", { secret: Array.from({ length: 17 }, () => secret) }],
    ["no rounds", { keyIterations: 0 }],
    ["half a round", { keyIterations: 1.5 }],
    ["no key", { keyLength: 0 }],
    ["no depth", { depthMax: 0 }],
    ["no bytes", { tokenBytesMax: 0 }],
  ])("are refused: %s", (_what, options) => {
    expect(() => tokenAt(0, options)).toThrow(config);
  });

  it("do not put a secret into the message of the error", () => {
    const fails = () => tokenAt(0, { secret: "hunter2" });
    expect(fails).toThrow("fewer than 20 bytes");
    expect(fails).not.toThrow("hunter2");
  });

  it("are refused by encryption when the key has another length than it needs", () => {
    expect(() => tokenAt(0, { keyLength: 16 }).encrypt(1)).toThrow(config);
  });
});

describe("limits", () => {
  const data = expect.objectContaining({ code: "token_data_invalid" });

  it("hold for the token that is made as for the one that is checked", () => {
    const tight = tokenAt(0, { tokenBytesMax: 100 });
    const loose = tokenAt(0);
    expect(() => tight.sign("a".repeat(60))).toThrow(data);
    expect(() => tight.encrypt("a".repeat(60))).toThrow(data);
    expect(tight.verify(loose.sign("a".repeat(60)))).toEqual(invalid);
    expect(tight.verify(loose.sign("a"))).toEqual(ok("a"));
  });

  it("hold for the depth of the data, both ways", () => {
    const shallow = tokenAt(0, { depthMax: 2 });
    expect(shallow.verify(shallow.sign([["x"]]))).toEqual(ok([["x"]]));
    expect(() => shallow.sign([[["x"]]])).toThrow(data);
    expect(shallow.verify(tokenAt(0).sign([[["x"]]]))).toEqual(invalid);
  });
});

describe.each(kinds)("any data in a %s token", (_kind, makeName, checkName) => {
  it("comes back as it was", () => {
    const { make, check } = of(tokens, makeName, checkName);
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
        const data = JSON.parse(JSON.stringify(json)) as Term;
        expect(check(make(data))).toEqual(ok(data));
      }),
      { numRuns: 500, seed: 4 },
    );
  });
});
