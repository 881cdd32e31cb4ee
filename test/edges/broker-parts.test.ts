import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Envelope } from "../../src/edges/pubsub/broker-envelope.js";
import { brokerLimits, brokerTiming, resolveBrokerOptions } from "../../src/edges/pubsub/broker-options.js";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { demandsOf, parseServer } from "../../src/edges/pubsub/nats/server-address.js";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { slotOf } from "../../src/edges/pubsub/redis/slots.js";
import { TopicNames } from "../../src/edges/pubsub/topic-names.js";

const names = new TopicNames("simurgh", ".");
const nameOf = (topic: string) => names.written(topic) ?? names.hashed(topic).name;
const anyTopic = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("=", "0", "a", ".", "*", ">", " ", "é", "\ud83d", "\udc26") }),
  fc.string({ minLength: 150, maxLength: 400 }),
);

describe("names of topics", () => {
  it("are different for different topics", () => {
    const property = fc.property(anyTopic, anyTopic, (one, other) => {
      expect(nameOf(one) === nameOf(other)).toBe(one === other);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it("have only characters that mean nothing to a broker, and are short", () => {
    const property = fc.property(anyTopic, (topic) => {
      expect(nameOf(topic)).toMatch(/^simurgh\.[th]\.[A-Za-z0-9_:/@+=-]{1,200}$/);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it.each([
    ["room:1", "simurgh.t.room:1"],
    ["", "simurgh.t.="],
    ["=", "simurgh.t.=003d"],
    ["a.*", "simurgh.t.a=002e=002a"],
    ["smörgås", "simurgh.t.sm=00f6rg=00e5s"],
    ["\ud800", "simurgh.t.=d800"],
  ])("%j is %s", (topic, name) => {
    expect(nameOf(topic)).toBe(name);
  });

  it("tell the topic in the message when they cannot", () => {
    const topic = `${"x".repeat(200)}é`;
    expect(names.written(topic)).toBeUndefined();
    const { name, head } = names.hashed(topic);
    expect(name).toMatch(/^simurgh\.h\.[\w-]{43}$/);
    expect([head.readUInt32LE(0), head.subarray(4).toString("utf16le")]).toEqual([402, topic]);
  });
});

describe("the envelope", () => {
  const data = Uint8Array.of(1, 2, 3);

  it("is nothing where nothing is needed", () => {
    const envelope = new Envelope();
    expect(envelope.wrap(data)).toBe(data);
    expect([envelope.isOwn(data), envelope.unwrap(data)]).toEqual([false, data]);
  });

  it("tells who published, and of which topic", () => {
    const [mine, other] = [new Envelope(new Uint8Array(8).fill(7)), new Envelope(new Uint8Array(8).fill(8))];
    const { head } = names.hashed("a topic");
    const message = mine.wrap(data, head);
    expect(message).toHaveLength(mine.overhead(head) + data.length);
    expect([mine.isOwn(message), other.isOwn(message)]).toEqual([true, false]);
    expect([...(other.unwrap(message, head) ?? [])]).toEqual([1, 2, 3]);
    expect(other.unwrap(message, names.hashed("b topic").head)).toBeUndefined();
  });

  it("is not found in what is too short", () => {
    const envelope = new Envelope(new Uint8Array(8));
    for (let length = 0; length < 8; length++) {
      expect([envelope.isOwn(new Uint8Array(length)), envelope.unwrap(new Uint8Array(length))]).toEqual([
        false,
        undefined,
      ]);
    }
  });
});

describe("the slot of a name", () => {
  it.each([
    ["123456789", 12_739],
    ["foo", 12_182],
    ["bar", 5_061],
    ["", 0],
  ])("of %j is %i, as Redis has it", (name, slot) => {
    expect(slotOf(name)).toBe(slot);
  });
});

describe("addresses of NATS servers", () => {
  it.each([
    ["localhost", { host: "localhost", port: 4222, text: "localhost:4222", tls: false }],
    ["nats://10.0.0.1:4223", { host: "10.0.0.1", port: 4223, text: "10.0.0.1:4223" }],
    ["tls://[::1]:4222", { host: "::1", port: 4222, text: "[::1]:4222", tls: true }],
    ["nats://ada:love%40lace@h:1", { host: "h", user: "ada", pass: "love@lace", token: undefined }],
    ["nats://s3cret@h:1", { user: undefined, pass: undefined, token: "s3cret" }],
  ])("%s", (text, expected) => {
    expect(parseServer(text)).toMatchObject(expected);
  });

  it.each(["http://h:1", "nats://h:port", "nats://", ""])("not %j", (text) => {
    expect(() => parseServer(text)).toThrow(expect.objectContaining({ code: "engine_config_invalid" }));
  });

  it("demand what the first with credentials, and any with TLS, says", () => {
    const servers = ["h1", "tls://ada:x@h2", "nats://t@h3"].map(parseServer);
    expect(demandsOf(servers)).toEqual({ user: "ada", pass: "x", tls: {} });
    expect(demandsOf(["h1"].map(parseServer))).toEqual({});
  });
});

describe("options that cannot work are refused", () => {
  it.each([
    [{ prefix: "a b" }],
    [{ prefix: "a..b" }],
    [{ prefix: "" }],
    [{ prefix: "x".repeat(65) }],
    [{ limits: { messageBytesMax: 0 } }],
    [{ limits: { queueBytesMax: 100 } }],
    [{ timing: { pingPeriodMs: 1.5 } }],
    [{ timing: { announceTimeoutMs: 1_500 } }],
  ])("%j", (options) => {
    expect(() => resolveBrokerOptions(options)).toThrow(
      expect.objectContaining({ code: "engine_config_invalid" }),
    );
  });

  it.each(["127.0.0.1:6379", "http://h", "redis://h:port"])("redis at %s", (url) => {
    expect(() => redis({ url })).toThrow(expect.objectContaining({ code: "engine_config_invalid" }));
  });

  it("without a word of a password", () => {
    for (const make of [
      () => nats({ servers: "nats://u:hush@h:p" }),
      () => redis({ url: "redis://u:hush@h:p" }),
    ]) {
      expect(make).toThrow(expect.objectContaining({ message: expect.not.stringContaining("hush") }));
    }
  });

  it("but an option that is given as undefined takes its default", () => {
    const { limits } = resolveBrokerOptions({ limits: { messageBytesMax: undefined as unknown as number } });
    expect(limits.messageBytesMax).toBe(4 * 1_048_576);
  });
});

describe("docs/engines.md", () => {
  const text = readFileSync(new URL("../../docs/engines.md", import.meta.url), "utf8");
  const shown = (value: number) =>
    value >= 1_048_576 ? `${value / 1_048_576} MiB` : value.toLocaleString("en");

  it.each(Object.entries({ ...brokerLimits, ...brokerTiming }))(
    "tells the default of %s, %d",
    (name, value) => {
      const rows = text.split("\n").filter((line) => line.startsWith(`| \`${name}\``));
      expect(rows).toHaveLength(1);
      expect(rows[0]?.split("|").at(-2)?.trim()).toBe(shown(value));
    },
  );

  it("shows the name of a topic as it is", () => {
    expect(text).toContain(`\`${nameOf("room:1")}\``);
  });
});
