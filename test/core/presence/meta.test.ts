import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyMeta, metaDepthMax, utf8Bytes } from "../../../src/core/presence/meta.js";
import { check } from "./support.js";

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;
const sparse = [1];
sparse[2] = 3;

function nested(depth: number): object {
  let value: object = {};
  for (let i = 1; i < depth; i++) value = { value };
  return value;
}

describe("a meta", () => {
  test("is any object of plain JSON, copied", () => {
    check(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (meta) => {
        const copy = copyMeta(meta, 1_000_000);
        const text = JSON.stringify(meta);
        expect(copy).toMatchObject({ ok: true, bytes: new TextEncoder().encode(text).length });
        expect(JSON.stringify(copy.ok && copy.meta)).toBe(text);
      }),
    );
  });

  test("is not touched by later changes of the caller's object", () => {
    const meta = { device: { name: "phone" } };
    const copy = copyMeta(meta, 1_000);
    meta.device.name = "desk";
    expect(copy.ok && copy.meta).toEqual({ device: { name: "phone" } });
  });

  test("is frozen inside, so that nobody who reads it changes what is stored", () => {
    const copy = copyMeta({ device: { name: "phone", tags: ["old"] } }, 1_000);
    const device = copy.ok ? (copy.meta.device as { name: string; tags: string[] }) : undefined;
    expect(() => device?.tags.push("new")).toThrow(TypeError);
    expect(() => {
      if (device !== undefined) device.name = "desk";
    }).toThrow(TypeError);
  });

  test("may have a key named __proto__", () => {
    const meta = JSON.parse('{"__proto__":{"admin":true}}');
    const copy = copyMeta(meta, 1_000);
    expect(copy.ok && JSON.stringify(copy.meta)).toBe('{"__proto__":{"admin":true}}');
    expect(copy.ok && copy.meta.admin).toBeUndefined();
  });

  test("loses properties that are undefined", () => {
    expect(copyMeta({ a: undefined, b: 1 }, 1_000)).toEqual({ ok: true, meta: { b: 1 }, bytes: 7 });
  });

  test.each([
    ["a text", "x"],
    ["null", null],
    ["a list", [1]],
    ["a date", { at: new Date(0) }],
    ["a map", { at: new Map() }],
    ["an instance", { at: new (class Foo {})() }],
    ["a function", { f: () => 1 }],
    ["a getter", Object.defineProperty({}, "g", { get: () => 1, enumerable: true })],
    ["a symbol", { s: Symbol("s") }],
    ["a bigint", { n: 1n }],
    ["not a number", { n: Number.NaN }],
    ["infinity", { n: Number.POSITIVE_INFINITY }],
    ["undefined in a list", { list: [undefined] }],
    ["a list with holes", { list: sparse }],
    ["an object in itself", cyclic],
    ["an object too deep", nested(metaDepthMax + 1)],
  ])("is invalid when it is or has %s", (_name, meta) => {
    expect(copyMeta(meta, 1_000_000)).toEqual({ ok: false, reason: "meta_invalid" });
  });

  test("may be as deep as the limit", () => {
    expect(copyMeta(nested(metaDepthMax), 1_000).ok).toBe(true);
  });

  test("is too large above the limit, counted in bytes", () => {
    const meta = { a: "ü".repeat(10) };
    expect(copyMeta(meta, 28)).toMatchObject({ ok: true, bytes: 28 });
    expect(copyMeta(meta, 27)).toEqual({ ok: false, reason: "meta_too_large" });
  });

  test("that would take for ever to write is refused before it is written", () => {
    let bomb: unknown[] = ["x"];
    for (let i = 0; i < 30; i++) bomb = [bomb, bomb];
    expect(copyMeta({ bomb }, 4_096)).toEqual({ ok: false, reason: "meta_too_large" });
  });

  test("is measured as an encoder would write it", () => {
    const unit = fc.constantFrom("a", "\u007f", "\u0080", "\u07ff", "\u0800", "\uffff", "\ud83d", "\ude00");
    check(
      fc.property(fc.string({ unit }), (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });
});
