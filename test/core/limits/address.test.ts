import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  clientAddress,
  countedAs,
  type IpRange,
  isWithin,
  parseAddress,
  parseRange,
} from "../../../src/core/limits/address.js";

function range(text: string): IpRange {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new Error(`no range: ${text}`);
  return parsed;
}

const key = (text: string): string | undefined => {
  const address = parseAddress(text);
  return address && countedAs(address);
};

describe("an address", () => {
  it("is read where Node reads one", () => {
    const odd = ["::", "::1", "1::", "1:2:3:4:5:6:7::", "::ffff:1.2.3.4", "1.2.3", "01.2.3.4", "1.2.3.256"];
    const wrong = [
      "",
      ":",
      ":::",
      "1:::2",
      "1:2:3:4:5:6:7:8:9",
      "::1::",
      "12345::",
      "g::",
      "1.2.3.4.5",
      " ::1",
    ];
    const long = ["1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4:1", "x".repeat(1_000_000)];
    for (const text of [...odd, ...wrong, ...long])
      expect([text.slice(0, 50), parseAddress(text) !== undefined]).toEqual([
        text.slice(0, 50),
        isIP(text) !== 0,
      ]);
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(..."01f:.") })),
        (text) => {
          expect(parseAddress(text) !== undefined).toBe(isIP(text) !== 0);
        },
      ),
    );
  });

  it("is in a range where Node says so", () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes(".")),
    );
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 128 }), (one, other, bits) => {
        const family = isIP(other) === 4 ? "ipv4" : "ipv6";
        const length = Math.min(bits, family === "ipv4" ? 32 : 128);
        const list = new BlockList();
        list.addSubnet(other, length, family);
        const parsed = parseAddress(one);
        if (parsed === undefined || isIP(one) !== isIP(other)) return;
        expect(isWithin(parsed, range(`${other}/${length}`))).toBe(list.check(one, family));
      }),
    );
  });

  it.each(["1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/", "::/129", "/8", "1.2.3.4/8/8", "host", "::/0x8"])(
    "is no range: %s",
    (text) => expect(parseRange(text)).toBeUndefined(),
  );

  it("is counted by itself in IPv4, by its /64 in IPv6", () => {
    expect(key("192.0.2.1")).not.toBe(key("192.0.2.2"));
    expect(key("2001:db8:1:2::1")).toBe(key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(key("2001:db8:1:2::1")).not.toBe(key("2001:db8:1:3::1"));
    expect(key("::ffff:192.0.2.1")).toBe(key("192.0.2.1"));
    expect(key("fe80::1%eth0")).toBe(key("fe80::1"));
  });
});

describe("the client behind proxies", () => {
  const trusted = [range("10.0.0.0/8"), range("fd00::/8")];
  const of = (peer: string, forwardedFor?: string): string | undefined => {
    const address = clientAddress(peer, forwardedFor, trusted);
    return address && countedAs(address);
  };

  it.each([
    ["nothing was said", "192.0.2.1", undefined, "192.0.2.1"],
    ["a stranger says who he is", "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["a proxy says who came", "10.1.1.1", "203.0.113.9", "203.0.113.9"],
    ["the client wrote something before", "10.1.1.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"],
    ["two proxies stand in a row", "10.1.1.1", "203.0.113.9, 10.2.2.2", "203.0.113.9"],
    ["everybody named is a proxy", "10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"],
    ["a proxy wrote nonsense", "10.1.1.1", "203.0.113.9, unknown", "10.1.1.1"],
    ["a proxy wrote nothing", "10.1.1.1", "", "10.1.1.1"],
    ["a proxy writes ports", "10.1.1.1", "203.0.113.9:5678", "203.0.113.9"],
    ["a proxy writes brackets", "fd00::1", "[2001:db8::9]:5678", "2001:db8::9"],
    ["brackets are not closed", "10.1.1.1", "[2001:db8::9", "10.1.1.1"],
    ["the proxy comes over IPv6 in IPv4 clothes", "::ffff:10.1.1.1", "203.0.113.9", "203.0.113.9"],
  ])("is told when %s", (_what, peer, forwardedFor, client) => {
    expect(of(peer, forwardedFor)).toBe(key(client));
  });

  it("is found in a header of a megabyte at once", () => {
    expect(of("10.1.1.1", `${"10.9.9.9,".repeat(100_000)}x`)).toBe(key("10.1.1.1"));
  });

  it("is nobody without an address", () => expect(of("")).toBeUndefined());
});
