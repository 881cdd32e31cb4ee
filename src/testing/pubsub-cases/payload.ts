import { SimurghError } from "../../runtime/errors.js";
import type { ContractCase } from "../contract-case.js";
import { check, checkSame } from "../contract-case.js";
import type { PubSubCapability, PubSubEnv, PubSubNode } from "../pubsub-env.js";

type Case = ContractCase<PubSubEnv, PubSubCapability>;

/** Bytes with every value and no short period, so that no piece can be mistaken for another. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = length ^ 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

const intact: Case = {
  name: "carries bytes unchanged: none, one, every value, JSON, a mebibyte",
  needs: ["several_nodes"],
  async run({ createCluster, until, engine }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await b.subscribe("room:bytes");
    const json = JSON.stringify({ text: "smörgås 🐦 \u0000 \u2028", list: [1, 2.5, null, true] });
    const sent = [
      new Uint8Array(),
      Uint8Array.of(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      new TextEncoder().encode(json),
      ...[2, 125, 126, 1_023, 4_096, 16_384, 65_529, 65_535, 65_536, 65_537, 200_000].map(pattern),
      pattern(Math.min(1_048_576, engine.payloadBytes)),
      Uint8Array.of(1),
    ];
    for (const data of sent) a.adapter.publish("room:bytes", data);
    await until(() => b.deliveries.length >= sent.length, "all payloads");
    sent.forEach((data, i) => {
      const got = b.deliveries[i]?.data ?? new Uint8Array();
      check(
        sameBytes(got, data),
        `payload ${i} of ${data.length} bytes came changed, with ${got.length} bytes`,
      );
    });
  },
};

const staysIntact: Case = {
  name: "leaves delivered bytes alone: what a receiver keeps does not change later",
  needs: ["several_nodes"],
  async run({ createCluster, until, breathe }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await b.subscribe("room:keep");
    const count = 2_000;
    for (let i = 0; i < count; i++) {
      a.adapter.publish("room:keep", pattern(i));
      if (i % 100 === 99) await breathe();
    }
    await until(() => b.deliveries.length >= count, "all payloads");
    for (let i = 0; i < count; i++) {
      check(sameBytes(b.deliveries[i]?.data ?? new Uint8Array(), pattern(i)), `payload ${i} changed`);
    }
  },
};

const oddTopics = [
  "*",
  ">",
  "a.*",
  "a.>",
  "a.b",
  "a.b.c",
  ".",
  "..",
  "a..b",
  " ",
  "with space",
  "tab\tand\nnewline",
  "room:*",
  "room:1",
  "$SYS",
  "[ab]",
  "a?",
  "a\\*",
  "smörgås",
  "鳥:三十",
  "🐦",
  "%2A",
  "UPPER",
  "upper",
  `long:${"x".repeat(1_000)}`,
  `long:${"x".repeat(999)}y`,
];

/** Of the odd topics those that some engine may take for more than a name. */
const patterns = oddTopics.filter((topic) => /[*>?[$]/.test(topic));

const oddNames: Case = {
  name: "takes topics with any characters, and mixes none of them up",
  needs: ["several_nodes"],
  async run({ createCluster, until }) {
    const [a, b, c] = (await createCluster(3)).nodes as [PubSubNode, PubSubNode, PubSubNode]; // as asked for
    await Promise.all(oddTopics.map((topic) => b.subscribe(topic)));
    await Promise.all(patterns.map((topic) => c.subscribe(topic)));
    for (const topic of oddTopics) a.say(topic, topic);
    a.say("*", "end");
    await until(() => b.heard("*").includes("end") && c.heard("*").includes("end"), "the last message");
    for (const topic of oddTopics) {
      const expected = topic === "*" ? [topic, "end"] : [topic];
      checkSame(b.heard(topic), expected, `heard on ${JSON.stringify(topic)}`);
    }
    const heard = c.deliveries.map(({ topic }) => topic);
    checkSame(heard, [...patterns, "*"], "topics heard where only patterns are subscribed");
  },
};

const tooLarge: Case = {
  name: "refuses a payload that is too large at the sender, with payload_too_large, and goes on",
  needs: ["several_nodes", "payload_limit"],
  async run({ createCluster, until, engine }) {
    const [a, b] = (await createCluster(2)).nodes as [PubSubNode, PubSubNode]; // as many as were asked for
    await b.subscribe("room:large");
    for (const topic of ["room:large", "room:nobody"]) {
      let thrown: unknown;
      try {
        a.adapter.publish(topic, new Uint8Array(engine.payloadTooLargeBytes));
      } catch (error) {
        thrown = error;
      }
      check(thrown instanceof SimurghError, `publish on ${topic} threw ${String(thrown)}`);
      checkSame(thrown.code, "payload_too_large", `code of the error on ${topic}`);
    }
    a.say("room:large", "small");
    await until(() => b.deliveries.length > 0, "the message after it");
    checkSame(b.heard("room:large"), ["small"], "heard");
  },
};

/** What may travel. */
export const payloadCases: readonly Case[] = [intact, staysIntact, oddNames, tooLarge];
