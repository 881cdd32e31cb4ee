import { readFileSync } from "node:fs";
import {
  createPhoenixToken,
  type PhoenixTokenOptions,
} from "../../../src/auth/phoenix-token/phoenix-token.js";
import { Atom, type Term, Tuple } from "../../../src/auth/phoenix-token/term.js";

/** What real Elixir made; `vectors.exs` tells how. Terms are in hex. */
export const vectors: Readonly<
  Record<
    "terms" | "printedFloats" | "compressedTerms" | "refused" | "signed" | "foreign" | "encrypted",
    Readonly<Record<string, string>>
  >
> = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));

/** What the terms of the vectors are here. */
export const expectedTerms: Readonly<Record<string, Term>> = {
  zero: 0,
  byte: 255,
  int: 256,
  int32_max: 2 ** 31 - 1,
  int32_min: -(2 ** 31),
  minus_one: -1,
  beyond_int32: 2 ** 31,
  below_int32: -(2 ** 31) - 1,
  safe_max: Number.MAX_SAFE_INTEGER,
  unsafe: 2n ** 53n,
  unsafe_negative: -(2n ** 53n) - 1n,
  big: 2n ** 200n + 1n,
  large_big: 2n ** 2048n + 5n,
  large_big_negative: -(3n ** 2000n),
  float: 1.5,
  float_tiny: 5e-324,
  float_big: -Number.MAX_VALUE,
  string: "hełło",
  empty_string: "",
  nul_string: "\0",
  bom_string: "\uFEFFx",
  bytes: Uint8Array.of(0xff, 0xfe, 0),
  yes: true,
  no: false,
  nothing: null,
  atom: new Atom("admin"),
  atom_utf8: new Atom("zażółć"),
  module: new Atom("Elixir.Foo.Bar"),
  empty_list: [],
  bytes_list: [1, 2, 255],
  list: [1, 256, "x", null],
  nested: [[[]], [["deep"]]],
  empty_tuple: new Tuple([]),
  tuple: new Tuple([new Atom("user"), 42, "ada"]),
  large_tuple: new Tuple(Array.from({ length: 300 }, (_, index) => index + 1)),
  empty_map: {},
  map: { id: 1, roles: ["a", "b"] },
  atom_map: { id: 7, name: "ada" },
  struct: { __struct__: new Atom("Elixir.User"), id: 7 },
  odd_map: new Map([[1, "one"]]),
  proto_map: Object.fromEntries([
    ["__proto__", 1],
    ["constructor", 2],
  ]),
};

/** When the vectors were signed, in seconds. */
export const signedAt = 1_700_000_000;

/** The secret of the vectors. */
export const secret = "abcdefgh".repeat(8);

/** Tokens with the secret and salt of the vectors, at a moment that is `nowMs` after they were signed. */
export function tokenAt(nowMs: number, options: Partial<PhoenixTokenOptions> = {}) {
  return createPhoenixToken({
    secret,
    salt: "user auth",
    clock: { now: () => signedAt * 1000 + nowMs },
    random: { bytes: (length) => Uint8Array.from({ length }, (_, index) => index) },
    ...options,
  });
}
