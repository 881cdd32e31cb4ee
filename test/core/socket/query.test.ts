import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeQuery } from "../../../src/core/socket/query.js";

const decode = (query: string) => decodeQuery(query, decodeURIComponent);
/** Without the missing prototypes, which `toEqual` does not see. */
const plain = (query: string) => JSON.parse(JSON.stringify(decode(query)));

describe("decoding a query", () => {
  it.each<[string, unknown]>([
    ["", {}],
    ["a=1", { a: "1" }],
    ["a=1&b=2", { a: "1", b: "2" }],
    ["a=1&a=2", { a: "2" }],
    ["a", { a: "" }],
    ["a=", { a: "" }],
    ["&&a=1&", { a: "1" }],
    ["a=1=2", { a: "1=2" }],
    ["a=x+y%20z%2B", { a: "x y z+" }],
    ["a=%C3%A4", { a: "ä" }],
    ["a[b]=c", { a: { b: "c" } }],
    ["a[b]=1&a[c]=2", { a: { b: "1", c: "2" } }],
    ["a[b][c][d]=1", { a: { b: { c: { d: "1" } } } }],
    ["a[]=1&a[]=2", { a: ["1", "2"] }],
    ["a[b][]=1&a[b][]=2", { a: { b: ["1", "2"] } }],
    ["a[][b]=1&a[][b]=2", { a: [{ b: "1" }, { b: "2" }] }],
    ["a=1&a[b]=2", { a: { b: "2" } }],
    ["a[b]=1&a=2", { a: "2" }],
    ["a[]=1&a[b]=2", { a: { b: "2" } }],
    ["user%5Bname%5D=x", { user: { name: "x" } }],
    ["[b]=1", { "[b]": "1" }],
    ["a[b=1", { "a[b": "1" }],
  ])("%j", (query, wanted) => {
    expect(plain(query)).toEqual(wanted);
  });

  it("keeps text whose escapes are broken as it came", () => {
    expect(plain("a=%&b=%zz&c=%ff&%=1")).toEqual({ a: "%", b: "%zz", c: "%ff", "%": "1" });
  });

  it("gives no name a special meaning", () => {
    const params = decode("__proto__[admin]=1&constructor[prototype][admin]=1&a[__proto__][x]=1&toString=2");
    expect(Object.keys(params)).toEqual(["__proto__", "constructor", "a", "toString"]);
    expect(Object.getPrototypeOf(params)).toBeNull();
    expect(({} as { admin?: unknown; x?: unknown }).admin).toBeUndefined();
    expect(({} as { admin?: unknown; x?: unknown }).x).toBeUndefined();
    expect(Reflect.get(params, "hasOwnProperty")).toBeUndefined();
  });

  it("takes a name nested too deep as one flat name", () => {
    const name = `a${"[b]".repeat(20)}`;
    expect(plain(`${name}=1`)).toEqual({ [name]: "1" });
  });

  it("gives back what URLSearchParams wrote", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    const name = text.filter((one) => one !== "" && !one.includes("["));
    const pairs = fc.uniqueArray(fc.tuple(name, text), { selector: ([key]) => key });
    fc.assert(
      fc.property(pairs, (all) => {
        expect(Object.entries(decode(new URLSearchParams(all).toString())).sort()).toEqual([...all].sort());
      }),
    );
  });

  it("takes any text without a throw", () => {
    const pieces = fc.array(
      fc.constantFrom("a", "b", "[", "]", "=", "&", "%", "+", "__proto__", "[]", "%5B"),
      {
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          pieces.map((all) => all.join("")),
        ),
        (text) => void decode(text),
      ),
    );
  });
});
