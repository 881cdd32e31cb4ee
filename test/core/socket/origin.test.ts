import { describe, expect, it } from "vitest";
import { type OriginRule, originAllowed, parseOrigin } from "../../../src/core/socket/origin.js";

const request = parseOrigin("http://app.example.com:4000");
const allows = (rule: OriginRule, origin: string | undefined) => originAllowed(origin, rule, request);
const list = (...entries: string[]): OriginRule => ({ kind: "list", entries: entries.map(parseOrigin) });

describe("the parts of an origin", () => {
  it.each([
    ["https://a.com", "https", "a.com", 443],
    ["http://a.com", "http", "a.com", 80],
    ["https://a.com:8443", "https", "a.com", 8443],
    ["//a.com", undefined, "a.com", undefined],
    ["//a.com:81", undefined, "a.com", 81],
    ["http://[::1]:4000", "http", "[::1]", 4000],
    ["custom+1://a.com", "custom+1", "a.com", undefined],
    ["null", undefined, undefined, undefined],
    ["file://", "file", undefined, undefined],
    ["", undefined, undefined, undefined],
    ["a.com", undefined, undefined, undefined],
  ])("of %j", (text, scheme, host, port) => {
    expect(parseOrigin(text)).toEqual({ scheme, host, port });
  });
});

describe("checking an origin", () => {
  it.each<[string, OriginRule, string, boolean]>([
    ["any page where the check is off", { kind: "any" }, "https://evil.com", true],
    ["any page where the check is off, even one without a host", { kind: "any" }, "null", true],
    ["the configured host", { kind: "host", host: "a.com" }, "https://a.com", true],
    [
      "the configured host, whatever its scheme and port",
      { kind: "host", host: "a.com" },
      "gopher://a.com:1",
      true,
    ],
    ["the configured host only", { kind: "host", host: "a.com" }, "https://b.com", false],
    ["the configured host in that case only", { kind: "host", host: "a.com" }, "https://A.com", false],
    [
      "the request's host when none is configured",
      { kind: "host", host: undefined },
      "https://app.example.com",
      true,
    ],
    [
      "no other host when none is configured",
      { kind: "host", host: undefined },
      "https://example.com",
      false,
    ],
    ["the scheme of an entry", list("https://a.com"), "https://a.com", true],
    ["the default port of a scheme", list("https://a.com"), "https://a.com:443", true],
    ["no other scheme", list("https://a.com"), "http://a.com", false],
    ["no other port", list("https://a.com"), "https://a.com:8443", false],
    ["no other scheme on the default port", list("https://a.com"), "http://a.com:443", false],
    ["any scheme and port of a bare host", list("//a.com"), "ws://a.com:1234", true],
    ["the port of an entry", list("//a.com:81"), "http://a.com:81", true],
    ["no other port than the entry's", list("//a.com:81"), "http://a.com", false],
    ["the second entry", list("//a.com", "//b.com"), "http://b.com", true],
    ["a wildcard's own host", list("//*.ex.com"), "https://ex.com", true],
    ["a wildcard's subdomain", list("//*.ex.com"), "https://a.ex.com", true],
    ["a wildcard's subdomain at any depth", list("//*.ex.com"), "https://a.b.c.ex.com", true],
    ["no host that merely ends alike", list("//*.ex.com"), "https://x-ex.com", false],
    ["no host that goes on", list("//*.ex.com"), "https://a.ex.com.evil.com", false],
    ["no origin out of an empty list", list(), "https://a.com", false],
    ["the request's own origin", { kind: "same" }, "http://app.example.com:4000", true],
    ["no other scheme than the request's", { kind: "same" }, "https://app.example.com:4000", false],
    ["no ws scheme as the request's own", { kind: "same" }, "ws://app.example.com:4000", false],
    ["no other port than the request's", { kind: "same" }, "http://app.example.com", false],
    ["no other host than the request's", { kind: "same" }, "http://example.com:4000", false],
  ])("lets pass %s", (_what, rule, origin, passes) => {
    expect(allows(rule, origin)).toBe(passes);
  });

  it("lets pass a request without an origin, whatever the rule", () => {
    expect(allows(list(), undefined)).toBe(true);
    expect(allows({ kind: "custom", check: () => false }, undefined)).toBe(true);
  });

  it.each(["null", "file://", "", "http://", "//"])("refuses %j, which has no host", (origin) => {
    for (const rule of [list("//a.com"), { kind: "host", host: "a.com" }, { kind: "same" }] as const) {
      expect(allows(rule, origin)).toBe(false);
    }
  });

  it("asks the application, also about an origin without a host", () => {
    const seen: unknown[] = [];
    const rule: OriginRule = { kind: "custom", check: (origin) => seen.push(origin) === 1 };
    expect(allows(rule, "https://a.com:8443")).toBe(true);
    expect(allows(rule, "null")).toBe(false);
    expect(seen).toEqual([
      { scheme: "https", host: "a.com", port: 8443, text: "https://a.com:8443" },
      { scheme: undefined, host: undefined, port: undefined, text: "null" },
    ]);
  });
});
