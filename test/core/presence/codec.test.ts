import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMessage, encodeMessage } from "../../../src/core/presence/codec.js";
import type { Fragment } from "../../../src/core/presence/fragment.js";
import type { Message } from "../../../src/core/presence/message.js";
import { check, rid, Set1 } from "./support.js";

const from = rid("n1@host");

const entry = (topic: string, key: string, clock: number) => ({
  topic,
  key,
  clock,
  ref: `r${clock}`,
  prevRef: clock % 2 === 0 ? "r0" : undefined,
  bytes: 7,
  meta: { at: clock },
});

const fragment: Fragment = {
  replica: from,
  from: 4,
  to: 9,
  base: 4,
  facts: 9,
  top: 14,
  dots: [1, 2, 11, 12],
  entries: [entry("a", "x", 5), entry("__proto__", "__proto__", 6), entry("a", "y", 9), entry("a", "z", 12)],
};

const messages: Message[] = [
  { type: "delta", from, fragment },
  {
    type: "heartbeat",
    from,
    clocks: new Map([
      [from, 3],
      [rid("n2"), 0],
    ]),
  },
  {
    type: "request",
    from,
    known: new Map([
      [rid("n2"), { clock: 5, cursor: undefined }],
      [rid("n3"), { clock: 5, cursor: { upTo: 3, facts: 9 } }],
    ]),
  },
  { type: "transfer", from, fragments: [fragment, { ...fragment, replica: rid("n2") }], more: true },
  { type: "goodbye", from },
];

/** The wire form of a delta with some of its parts replaced, by their place. */
function deltaWith(changes: Record<number, unknown>): string {
  const parts = JSON.parse(encodeMessage({ type: "delta", from, fragment }));
  for (const [at, value] of Object.entries(changes)) parts[3][Number(at)] = value;
  return JSON.stringify(parts);
}

const group = (...entries: unknown[]) => [["a", ...entries]];

const deep = JSON.parse(`{"a":${"[".repeat(40)}${"]".repeat(40)}}`);

describe("messages between trackers", () => {
  test.each(messages.map((message) => [message.type, message] as const))(
    "a %s arrives as it was sent",
    (_, sent) => {
      expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
    },
  );

  test("whatever a replica extracts arrives as it was sent", () => {
    const ops = fc.array(fc.tuple(fc.boolean(), fc.nat(9), fc.nat(2)), { maxLength: 40, size: "max" });
    check(
      fc.property(ops, fc.nat(40), fc.integer({ min: 1, max: 2_000 }), (steps, clock, bytesMax) => {
        const set = new Set1("a");
        for (const [remove, key, topic] of steps) {
          if (remove) set.remove(`k${key}`, `t${topic}`);
          else if (set.state.owners.get(`k${key}`, `t${topic}`, `k${key}`) === undefined) {
            set.add(`k${key}`, `t${topic}`);
          }
        }
        const extract = set.state.extract(set.id, { clock, cursor: undefined }, bytesMax);
        if (extract === undefined) return;
        const message: Message = { type: "delta", from: set.id, fragment: extract.fragment };
        expect(decodeMessage(encodeMessage(message))).toEqual({
          ...message,
          fragment: {
            ...extract.fragment,
            entries: extract.fragment.entries.map(({ topic, key, clock: at, ref, prevRef, bytes, meta }) => ({
              topic,
              key,
              clock: at,
              ref,
              prevRef,
              bytes,
              meta,
            })),
          },
        });
      }),
    );
  });

  test.each([
    ["no JSON", "{"],
    ["no list", "{}"],
    ["another format", JSON.stringify([2, "goodbye", from])],
    ["an unknown type", JSON.stringify([1, "hello", from])],
    ["no sender", JSON.stringify([1, "goodbye", "nobody"])],
    ["a delta of somebody else", deltaWith({ 0: rid("n2") })],
    ["a range that ends before it starts", deltaWith({ 1: 10 })],
    ["a clock that is no whole number", deltaWith({ 2: 9.5 })],
    ["a clock that is negative", deltaWith({ 1: -1 })],
    ["a base below the range", deltaWith({ 3: 3 })],
    ["dots that are not pairs", deltaWith({ 6: [1, 2, 11] })],
    ["dots out of order", deltaWith({ 6: [11, 12, 1, 2] })],
    ["dots that overlap", deltaWith({ 6: [1, 5, 5, 12] })],
    ["a run that ends before it starts", deltaWith({ 6: [2, 1] })],
    [
      "more dead dots than anybody can name",
      deltaWith({ 1: 2 ** 40, 2: 2 ** 40, 3: 2 ** 40, 6: [1, 2 ** 39], 7: [] }),
    ],
    ["an entry outside of what is covered", deltaWith({ 7: group(["k", 13, "r", 0, 2, {}]) })],
    ["an entry below the range", deltaWith({ 7: group(["k", 2, "r", 0, 2, {}]) })],
    ["two entries with one clock", deltaWith({ 7: group(["k", 5, "r", 0, 2, {}], ["l", 5, "s", 0, 2, {}]) })],
    ["an entry whose key is no text", deltaWith({ 7: group([1, 5, "r", 0, 2, {}]) })],
    ["an entry whose meta is a list", deltaWith({ 7: group(["k", 5, "r", 0, 2, []]) })],
    ["an entry whose meta is nested too deep", deltaWith({ 7: group(["k", 5, "r", 0, 2, deep]) })],
    ["an entry whose prevRef is a number", deltaWith({ 7: group(["k", 5, "r", 1, 2, {}]) })],
    ["a group without a topic", deltaWith({ 7: [[]] })],
    ["a heartbeat without clocks", JSON.stringify([1, "heartbeat", from])],
    ["a heartbeat with an odd clock", JSON.stringify([1, "heartbeat", from, [[from, "3"]]])],
    ["a request with half a cursor", JSON.stringify([1, "request", from, [[from, 3, 1]]])],
    ["a transfer that does not say whether more comes", JSON.stringify([1, "transfer", from, []])],
    ["a transfer with an odd fragment", JSON.stringify([1, "transfer", from, [1], false])],
  ])("%s is not read", (_name, text) => {
    expect(decodeMessage(text)).toBeUndefined();
  });

  test("no text makes the reader throw", () => {
    check(
      fc.property(
        fc.json({ maxDepth: 6 }),
        fc.constantFrom("delta", "heartbeat", "request", "transfer"),
        (body, type) => {
          expect(() => decodeMessage(`[1,"${type}","${from}",${body},true]`)).not.toThrow();
        },
      ),
    );
  });
});
