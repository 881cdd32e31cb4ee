import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Message, ProtocolFault } from "../../../src/core/protocol/message.js";
import { quoteRef } from "../../../src/core/protocol/quote.js";
import { decodeV1, encodeV1 } from "../../../src/core/protocol/v1-json.js";
import { decodeV2, encodeReplyPayload, encodeV2 } from "../../../src/core/protocol/v2-json.js";
import type { Json } from "../../../src/core/shared/json.js";

/** The rule for V2 said plainly: any JSON array of five elements or more. */
function decodeV2Plainly(text: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value) || value.length < 5) return undefined;
    const [joinRef, ref, topic, event, payload] = value;
    return { joinRef, ref, topic, event, payload };
  } catch {
    return undefined;
  }
}

function expectAgreement(text: string): void {
  const message = decodeV2(text);
  expect(message instanceof ProtocolFault ? undefined : message).toEqual(decodeV2Plainly(text));
}

/** A ref as clients send it, and as they could. */
const ref = fc.oneof(
  fc.constant(null),
  fc.nat().map(String),
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.jsonValue() as fc.Arbitrary<Json>,
);
const frame = fc.tuple(ref, ref, fc.string(), fc.string(), fc.jsonValue());

/** Spaces, tabs and newlines where JSON allows them. */
function loosely(elements: readonly unknown[], blank: string): string {
  return `${blank}[${elements.map((one) => `${blank}${JSON.stringify(one)}${blank}`).join(",")}]${blank}`;
}

describe("decoding V2", () => {
  it("reads the five elements", () => {
    expect(decodeV2('["4","5","room:1","ping",{"x":1}]')).toEqual({
      joinRef: "4",
      ref: "5",
      topic: "room:1",
      event: "ping",
      payload: { x: 1 },
    });
  });

  it("keeps the JSON type of refs and takes any payload", () => {
    expect(decodeV2('[4,null,"room:1","ping",[1,"a"]]')).toMatchObject({
      joinRef: 4,
      ref: null,
      payload: [1, "a"],
    });
  });

  it("ignores elements beyond the fifth", () => {
    expect(decodeV2('["1","2","t","e",{"a":1},6,"7"]')).toMatchObject({ event: "e", payload: { a: 1 } });
  });

  it.each([
    "",
    "{}",
    "null",
    "5",
    '"text"',
    "[",
    "[]",
    '["1","2","t","e"]',
    '["1","2","t","e",]',
    "not json",
  ])("finds fault with %j", (text) => expect(decodeV2(text)).toBeInstanceOf(ProtocolFault));

  it.each([
    '["1","2","t","e",{}}',
    '["1","2","t","e",{}]]',
    '["1","2","t","e",{}] x',
    '["1","2","t","e",{}],',
    '["1""2","t","e",{}]',
    '["1","2","t","e",1,]',
    '["1","2","a\nb","e",{}]',
    '["1","2","a\\u0041","e",{}]',
    '["1","2","\u2028","e",{}]',
    '["1","2","\ud800","e",{}]',
    '[nul,"2","t","e",{}]',
    "[null,null,null,null,null]",
    '[null,null,"t","e",{"__proto__":{"x":1}}]',
    '["1","2","t","e","]"]',
    '\ufeff["1","2","t","e",{}]',
  ])("reads %j by hand as JSON.parse would", expectAgreement);

  it("reads every frame by hand as JSON.parse would, however it is spaced", () => {
    const blanks = fc.constantFrom("", " ", "\n", "\t\r\n ");
    fc.assert(fc.property(frame, blanks, (elements, blank) => expectAgreement(loosely(elements, blank))));
  });

  it("reads damaged frames by hand as JSON.parse would", () => {
    const damaged = fc
      .tuple(frame, fc.nat(), fc.constantFrom("", '"', ",", "[", "]", "}", "\\", "null", "\u0000", "0"))
      .map(([elements, at, junk]) => {
        const text = JSON.stringify(elements);
        const cut = at % (text.length + 1);
        return text.slice(0, cut) + junk + text.slice(cut + (junk === "" ? 1 : 0));
      });
    fc.assert(fc.property(damaged, expectAgreement), { numRuns: 2_000 });
  });

  it("reads any text by hand as JSON.parse would", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: "binary" })), expectAgreement));
  });
});

describe("encoding V2", () => {
  it("makes frames that decode to what they were made of", () => {
    fc.assert(
      fc.property(frame, ([joinRef, ref, topic, event, payload]) => {
        const quoted = [joinRef, ref].map(quoteRef) as [string, string];
        const [topicJson, eventJson, payloadJson] = [topic, event, payload].map((part) =>
          JSON.stringify(part),
        );
        const text = encodeV2(...quoted, topicJson ?? "", eventJson ?? "", payloadJson ?? "");
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify([joinRef, ref, topic, event, payload])));
      }),
    );
  });

  it("puts status and response into the payload of a reply", () => {
    expect(JSON.parse(encodeReplyPayload('"ok"', '{"a":1}'))).toEqual({ status: "ok", response: { a: 1 } });
  });

  it("quotes every ref as JSON.stringify does", () => {
    fc.assert(fc.property(ref, (one) => void expect(quoteRef(one)).toBe(JSON.stringify(one))));
  });
});

describe("V1", () => {
  it("reads the four keys, and join_ref where it is there", () => {
    const text = '{"topic":"t","event":"e","payload":{"x":1},"ref":"1","extra":0}';
    expect(decodeV1(text)).toEqual({ joinRef: null, ref: "1", topic: "t", event: "e", payload: { x: 1 } });
    expect(decodeV1(text.replace('"extra":0', '"join_ref":"7"'))).toMatchObject({ joinRef: "7" });
  });

  it.each(["topic", "event", "payload", "ref"])("finds fault with an object without %s", (key) => {
    const whole: Record<string, unknown> = { topic: "t", event: "e", payload: {}, ref: "1" };
    delete whole[key];
    expect(decodeV1(JSON.stringify(whole))).toBeInstanceOf(ProtocolFault);
  });

  it("does not take keys of the prototype for the client's", () => {
    expect(decodeV1('{"__proto__":{"topic":"t","event":"e","payload":{},"ref":"1"}}')).toBeInstanceOf(
      ProtocolFault,
    );
    expect(
      decodeV1('{"topic":"t","event":"e","payload":{},"ref":"1","__proto__":{"join_ref":"7"}}'),
    ).toMatchObject({
      joinRef: null,
    });
  });

  it.each(["", "[]", "null", "1", '["1","1","t","e",{}]', "{"])("finds fault with %j", (text) => {
    expect(decodeV1(text)).toBeInstanceOf(ProtocolFault);
  });

  it("writes no join_ref", () => {
    expect(JSON.parse(encodeV1('"1"', '"t"', '"e"', "{}"))).toEqual({
      topic: "t",
      event: "e",
      payload: {},
      ref: "1",
    });
  });
});
