import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Atom, type Term, type TermLimits, Tuple } from "../../../src/auth/phoenix-token/term.js";
import { decodeTerm } from "../../../src/auth/phoenix-token/term-decode.js";
import { encodeTerm } from "../../../src/auth/phoenix-token/term-encode.js";
import { expectedTerms, vectors } from "./vectors.js";

const limits: TermLimits = { depthMax: 64, bytesMax: 65_536 };
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const decodeHex = (hex: string) => decodeTerm(fromHex(hex), limits);
const fault = (name: string) => ({ ok: false, fault: name });

/** What Erlang before release 26 writes otherwise, and the names of keys that are atoms, which are not kept. */
const writtenOtherwise = /^(yes|no|nothing|atom|module|list|tuple|atom_map|struct)$/;

describe("terms that Erlang wrote", () => {
  it.each(Object.entries(vectors.terms))("are read: %s", (name, hex) => {
    expect(decodeHex(hex)).toEqual({ ok: true, term: expectedTerms[name] });
  });

  it.each(Object.entries(vectors.terms).filter(([name]) => !writtenOtherwise.test(name)))(
    "are written byte for byte the same: %s",
    (name, hex) => {
      expect(toHex(encodeTerm(expectedTerms[name] as Term, limits))).toBe(hex);
    },
  );

  it.each(Object.entries(vectors.printedFloats))("are read when a float is printed: %s", (name, hex) => {
    expect(decodeHex(hex)).toEqual({ ok: true, term: expectedTerms[name] });
  });

  it("are read when they are compressed", () => {
    const large = Array.from({ length: 50 }, () => ["ab"]);
    expect(decodeHex(vectors.compressedTerms.large ?? "")).toEqual({ ok: true, term: large });
  });

  it("have atoms in the form that every Erlang since release 17 reads", () => {
    expect(toHex(encodeTerm(true, limits))).toBe("83770474727565");
    expect(toHex(encodeTerm(null, limits))).toBe("8377036e696c");
    expect(toHex(encodeTerm(new Atom("é".repeat(200)), limits))).toMatch(/^83760190c3a9/);
  });
});

describe("terms that a token must not carry", () => {
  const faults: Record<string, string> = { improper: "improper_list", same_name: "ambiguous_key" };

  it.each(Object.entries(vectors.refused))("are refused: %s", (name, hex) => {
    expect(decodeHex(hex)).toEqual(fault(faults[name] ?? "unsupported"));
  });
});

describe("bytes that are no term", () => {
  it.each([
    ["nothing", "", "truncated"],
    ["a version alone", "83", "truncated"],
    ["another version", "8261ff", "malformed"],
    ["bytes after the term", "83610100", "trailing_bytes"],
    ["an integer cut short", "8362000001", "truncated"],
    ["a binary longer than the bytes", "836d0000000561", "truncated"],
    ["a binary of four billion bytes", "836dffffffff", "truncated"],
    ["a list of four billion", "836cffffffff", "truncated"],
    ["a tuple of four billion", "8369ffffffff", "truncated"],
    ["a map of four billion", "8374ffffffff", "truncated"],
    ["a list without an end", "836c000000016101", "truncated"],
    ["a bignum of four billion digits", "836fffffffff00", "truncated"],
    ["a bignum with a strange sign", "836e010201", "malformed"],
    ["not a number", "83467ff8000000000000", "malformed"],
    ["infinity", "83467ff0000000000000", "malformed"],
    ["a printed float that is none", `8363${"41".repeat(31)}`, "malformed"],
    ["an atom of bad UTF-8", "837702fffe", "malformed"],
    ["a key twice", "8374000000026d000000016161016d00000001616102", "ambiguous_key"],
    ["an unknown tag", "83ff", "unsupported"],
    ["a term of this runtime only", "837900000000", "unsupported"],
    ["a compressed term without a header", "8350000000", "truncated"],
    ["a compressed term that is not", "835000000004aabbccdd", "malformed"],
  ])("are refused: %s", (_what, hex, name) => {
    expect(decodeHex(hex)).toEqual(fault(name));
  });

  it("are refused when they are more than the limit", () => {
    expect(decodeTerm(new Uint8Array(65_537), limits)).toEqual(fault("too_large"));
  });

  it("are refused when they nest deeper than the limit", () => {
    const nested = (depth: number) => decodeHex(`83${"6801".repeat(depth)}6101`);
    expect(nested(64).ok).toBe(true);
    expect(nested(65)).toEqual(fault("too_deep"));
    expect(nested(30_000)).toEqual(fault("too_deep"));
  });

  it("do not inflate beyond what they declare, nor beyond the limit", () => {
    const bomb = (declared: number) =>
      decodeTerm(
        Buffer.concat([
          fromHex("8350"),
          fromHex(declared.toString(16).padStart(8, "0")),
          deflateSync(Buffer.alloc(10_000_000)),
        ]),
        limits,
      );
    expect(bomb(100)).toEqual(fault("malformed"));
    expect(bomb(10_000_000)).toEqual(fault("too_large"));
  });

  it("are never thrown about, whatever they are", () => {
    const tags = [
      70, 77, 80, 97, 98, 99, 100, 104, 105, 106, 107, 108, 109, 110, 111, 115, 116, 118, 119, 131,
    ];
    const byte = fc.oneof(
      fc.constantFrom(...tags),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 200 }), (bytes) => {
        const decoded = decodeTerm(Uint8Array.from([131, ...bytes]), limits);
        if (decoded.ok) encodeTerm(decoded.term, { depthMax: 64, bytesMax: 1_000_000 });
      }),
      { numRuns: 20_000, seed: 1 },
    );
  });

  it("are refused wherever a term is cut", () => {
    for (const hex of Object.values(vectors.terms)) {
      for (let end = 0; end < Math.min(hex.length, 400); end += 2) {
        expect(decodeHex(hex.slice(0, end)).ok).toBe(false);
      }
    }
  });
});

describe("data that is no term", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["a date", new Date(0)],
    ["a set", new Set([1])],
    ["a cycle", cycle],
    ["undefined in a list", [undefined]],
    ["a hole in a list", new Array(3)],
    ["undefined in a record", { a: undefined }],
    ["a lone surrogate", "\uD800"],
    ["a lone surrogate as a key", { "\uDC00": 1 }],
    ["an atom that is too long", new Atom("a".repeat(256))],
    ["more than fits", "a".repeat(65_536)],
  ])("is refused with a code: %s", (_what, data) => {
    expect(() => encodeTerm(data as Term, limits)).toThrow(
      expect.objectContaining({ code: "token_data_invalid" }),
    );
  });
});

const integer = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -300, max: 300 }));
const outsideSafe = fc.bigInt().filter((value) => !Number.isSafeInteger(Number(value)));
const text = fc.string({ unit: "binary" }).filter((value) => !/\p{Surrogate}/u.test(value));
const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 50 })
  .map((value) => Uint8Array.from([0xff, ...value]));
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const atom = fc
  .string({ unit: "binary", maxLength: 40 })
  .filter((name) => !/\p{Surrogate}/u.test(name) && !/^(true|false|nil)$/.test(name))
  .map((name) => new Atom(name));
const { term } = fc.letrec<{ term: Term }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Term>(null, true, false),
    integer,
    outsideSafe,
    double,
    text,
    bytes,
    atom,
    fc.array(tie("term"), { maxLength: 6 }),
    fc.array(tie("term"), { maxLength: 6 }).map((elements) => new Tuple(elements)),
    fc.dictionary(text, tie("term"), { maxKeys: 6, noNullPrototype: false }),
  ),
}));

describe("any term", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(term, (data) => {
        const decoded = decodeTerm(encodeTerm(data, limits), limits);
        expect(decoded).toEqual({ ok: true, term: data });
      }),
      { numRuns: 2_000, seed: 2 },
    );
  });

  it("keeps the keys of a Map that are no names", () => {
    const map = new Map<Term, Term>([
      [1, "one"],
      ["two", 2],
      [null, [3]],
    ]);
    expect(decodeTerm(encodeTerm(map, limits), limits)).toEqual({ ok: true, term: map });
  });

  it("gives records that inherit nothing", () => {
    const decoded = decodeTerm(encodeTerm({ a: 1 }, limits), limits);
    expect(decoded.ok && Object.getPrototypeOf(decoded.term)).toBe(null);
  });

  it("does not share memory with the bytes it was read from", () => {
    const encoded = encodeTerm(Uint8Array.of(0xff, 1), limits);
    const decoded = decodeTerm(encoded, limits);
    encoded.fill(0);
    expect(decoded).toEqual({ ok: true, term: Uint8Array.of(0xff, 1) });
  });
});

describe("atoms and tuples", () => {
  it("are told from what only looks like them", () => {
    expect([Atom.is(new Atom("a")), Atom.is({ name: "a" }), Atom.is(null)]).toEqual([true, false, false]);
    expect([Tuple.is(new Tuple([])), Tuple.is({ elements: [] }), Tuple.is([])]).toEqual([true, false, false]);
  });
});
