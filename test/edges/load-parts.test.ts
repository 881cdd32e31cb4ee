import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Prng } from "../../src/core/shared/prng.js";
import { judge } from "../../src/loadtest/coordinator/verdict.js";
import { holds, parseAssertion } from "../../src/loadtest/report/assertion.js";
import { durationMs } from "../../src/loadtest/scenario/durations.js";
import { faultsError, loadScenarioFile } from "../../src/loadtest/scenario/load-file.js";
import { parseScenario } from "../../src/loadtest/scenario/parse-scenario.js";
import { connectAtMs, rampMs, topicCount, topicsOf } from "../../src/loadtest/scenario/plan.js";
import { hasRole } from "../../src/loadtest/scenario/roles.js";
import { encodeClientFrame, opcode, ServerFrames } from "../../src/loadtest/wire/client-frames.js";
import { encodeMessage, isReply } from "../../src/loadtest/wire/messages.js";
import { Stamps } from "../../src/loadtest/wire/stamp.js";
import { dueTimes } from "../../src/loadtest/worker/pacer.js";
import { planOf } from "../support/load-run.js";
import { frame } from "../support/raw-websocket.js";

const url = "ws://localhost:4000/socket";

describe("a stamp", () => {
  const stamps = new Stamps("ab12");

  it("is found in whatever is around it", () => {
    const number = fc.integer({ min: 0, max: 2 ** 40 });
    const stamp = fc.record({
      ...{ worker: number, topic: number, seq: number, back: number },
      ...{ dueUs: number, lagUs: number },
    });
    fc.assert(
      fc.property(stamp, fc.json(), fc.json(), (one, before, after) => {
        const text = `[${before},${JSON.stringify({ stamp: stamps.write(one) })},${after}]`;
        expect(stamps.read(Buffer.from(text))).toEqual(one);
      }),
    );
  });

  it("of another run, or cut short, is none", () => {
    const text = new Stamps("other").write({ worker: 0, topic: 0, seq: 1, back: 0, dueUs: 5, lagUs: 0 });
    expect(stamps.read(Buffer.from(text))).toBeUndefined();
    const own = stamps.write({ worker: 0, topic: 0, seq: 1, back: 0, dueUs: 5, lagUs: 0 });
    for (let cut = 0; cut < own.length; cut++) {
      expect(stamps.read(Buffer.from(own.slice(0, cut)))).toBeUndefined();
    }
  });
});

describe("the frames of a server", () => {
  const served = (text: string) => frame(text, { masked: false });

  it("come out whole, however the bytes are cut", () => {
    const texts = fc.array(fc.string({ maxLength: 300 }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 50 }), (wanted, cut) => {
        const bytes = Buffer.concat(wanted.map(served));
        const [got, frames]: [string[], ServerFrames] = [[], new ServerFrames()];
        for (let at = 0; at < bytes.length; at += cut) {
          const fault = frames.feed(bytes.subarray(at, at + cut), {
            onFrame: (_code, payload) => got.push(payload.toString()),
          });
          expect(fault).toBeUndefined();
        }
        expect(got).toEqual(wanted);
      }),
    );
  });

  it("are joined when they are parts of one message, with a ping between", () => {
    const got: [number, string][] = [];
    const bytes = Buffer.concat([
      frame("ab", { masked: false, fin: false }),
      frame("?", { masked: false, opcode: opcode.ping }),
      frame("cd", { masked: false, opcode: opcode.continuation }),
    ]);
    const sink = { onFrame: (code: number, payload: Buffer) => void got.push([code, payload.toString()]) };
    expect(new ServerFrames().feed(bytes, sink)).toBeUndefined();
    expect(got).toEqual([
      [opcode.ping, "?"],
      [opcode.text, "abcd"],
    ]);
  });

  it.each([
    ["a masked frame", frame("a")],
    ["reserved bits", frame("a", { masked: false, reserved: 4 })],
    ["an unknown opcode", frame("a", { masked: false, opcode: 5 })],
    ["a continuation of nothing", frame("a", { masked: false, opcode: opcode.continuation })],
    ["a frame too large", frame("a", { masked: false, length: 2 ** 40 })],
  ])("are refused for %s", (_what, bytes) => {
    expect(new ServerFrames().feed(bytes, { onFrame: () => {} })).toEqual(expect.any(String));
  });

  it("are told apart from what a client sends, which is masked with nothing", () => {
    const bytes = encodeClientFrame(opcode.text, "hello");
    expect([...bytes.subarray(0, 6)]).toEqual([0x81, 0x85, 0, 0, 0, 0]);
    expect(bytes.subarray(6).toString()).toBe("hello");
  });
});

describe("a reply", () => {
  it.each([
    [2, '["4","5","r","phx_reply",{}]', true],
    [2, '[null,"5","r","phx_reply",{}]', true],
    [2, '[null,null,"r","shout",{}]', false],
    [2, '["4",null,"r","shout",{}]', false],
    [2, '[ "4" , null , "r","shout",{}]', false],
    [1, '{"topic":"r","event":"phx_reply","payload":{},"ref":"1"}', true],
    [1, '{"topic":"r","event":"shout","payload":{},"ref":null}', false],
  ] as const)("of V%i is told from a broadcast: %s", (vsn, text, expected) => {
    expect(isReply(vsn, Buffer.from(text))).toBe(expected);
  });

  it("is asked for in either version of the wire", () => {
    expect(encodeMessage(2, "1", "2", "r", "e", "{}")).toBe('["1","2","r","e",{}]');
    expect(JSON.parse(encodeMessage(1, "1", "2", "r", "e", "{}"))).toEqual({
      ...{ topic: "r", event: "e", payload: {}, ref: "2" },
    });
  });
});

describe("a scenario", () => {
  it("has a default for everything but where and how many", () => {
    expect(planOf({ url, connections: 5 })).toMatchObject({
      ...{ urls: [url], vsn: 2, durationMs: 10_000, publish: null, longPollShare: 0, churn: 0 },
      topics: { name: "room:lobby", perClient: 1, clientsPerTopic: 5 },
    });
  });

  it("names every field that is wrong, and what was expected", () => {
    const wrong = {
      ...{ url: "http://x", connections: 0, ramp: { step: 2 }, topics: { perClient: "two" } },
      ...{ publish: { rate: 1, thinkTime: "1s" }, hooks: [{ at: "soon", run: "true" }], colour: "red" },
    };
    const faults = parseScenario(wrong);
    expect(Array.isArray(faults) ? faults.map(({ path }) => path).toSorted() : faults).toEqual(
      [
        "colour",
        "connections",
        "hooks[0].at",
        "publish.rate",
        "ramp.every",
        "topics.perClient",
        "url",
      ].toSorted(),
    );
  });

  it("in a file is told with the line of each fault", async () => {
    const folder = await mkdtemp(join(tmpdir(), "load-scenario-"));
    try {
      const file = join(folder, "scenario.mjs");
      const lines = ["export default {", `  url: "${url}",`, "  connections: 2,", "  hooks: ["];
      const more = ['    { at: "1s", run: "true" },', '    { at: "never", run: "true" },', "  ],", "};"];
      await writeFile(file, [...lines, ...more].join("\n"));
      const loaded = await loadScenarioFile(file);
      const faults = parseScenario(loaded.value);
      if (!Array.isArray(faults)) throw new Error("it was taken");
      expect(faultsError(loaded, faults).message).toContain(`${file}:6: hooks[1].at: expected a time`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("that is broken JSON is told with the line", async () => {
    const folder = await mkdtemp(join(tmpdir(), "load-scenario-"));
    try {
      const file = join(folder, "scenario.json");
      await writeFile(file, '{\n  "url": "ws://x/",\n  connections: 2\n}');
      await expect(loadScenarioFile(file)).rejects.toMatchObject({
        code: "load_scenario_invalid",
        message: expect.stringContaining(`${file}:3: expected JSON`),
      });
      await expect(loadScenarioFile(join(folder, "none.mjs"))).rejects.toMatchObject({
        code: "load_scenario_invalid",
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("deals clients out to topics, none of them above its size", () => {
    const plan = planOf({
      url,
      connections: 100,
      topics: { name: "room:{n}", perClient: 3, clientsPerTopic: 10 },
    });
    const sizes = new Map<number, number>();
    for (let client = 0; client < 100; client++) {
      const topics = topicsOf(plan, client);
      expect(new Set(topics).size).toBe(3);
      for (const topic of topics) sizes.set(topic, (sizes.get(topic) ?? 0) + 1);
    }
    expect(sizes.size).toBe(topicCount(plan));
    expect([...sizes.values()].every((size) => size <= 10)).toBe(true);
  });

  it("connects evenly or in steps", () => {
    expect(rampMs(planOf({ url, connections: 1_001, ramp: 500 }))).toBeCloseTo(2_000, 0);
    const steps = planOf({ url, connections: 30, ramp: { step: 10, every: "2s" } });
    expect([9, 10, 29].map((client) => connectAtMs(steps, client))).toEqual([0, 2_000, 4_000]);
  });

  it("gives a share of the clients a role, of the right size within a few, also among those of one worker", () => {
    const property = fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 4 }),
      (share, count, workers) => {
        const own = Array.from({ length: count }, (_, n) => n * workers);
        const chosen = own.filter((client) => hasRole(client, share, "storm"));
        expect(Math.abs(chosen.length - share * count)).toBeLessThanOrEqual(6);
      },
    );
    fc.assert(property);
  });
});

describe("times", () => {
  it.each([
    ["250ms", 250],
    ["10s", 10_000],
    ["1.5m", 90_000],
    [40, 40],
    ["40", 40],
    ["ten", undefined],
    ["-1s", undefined],
    [-1, undefined],
  ])("of %s are read", (text, expected) => {
    expect(durationMs(text)).toBe(expected);
  });

  it("at which messages are due are dealt out to the workers without gaps", () => {
    const of = (worker: number) => {
      const times = dueTimes({ rate: 100, arrivals: "even", worker, workers: 3 }, new Prng(1));
      return Array.from({ length: 10 }, () => Number(times.next().value));
    };
    const all = [0, 1, 2].flatMap(of).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 30 }, (_, n) => n * 10_000));
  });

  it("of a Poisson process have the wanted rate, and are the same for the same seed", () => {
    const draw = () => {
      const times = dueTimes({ rate: 100, arrivals: "poisson", worker: 0, workers: 1 }, new Prng(7));
      return Array.from({ length: 10_000 }, () => Number(times.next().value));
    };
    const last = draw().at(-1) ?? 0;
    expect(last / 1e6).toBeGreaterThan(95);
    expect(last / 1e6).toBeLessThan(105);
    expect(draw().at(-1)).toBe(last);
  });
});

describe("an assertion", () => {
  it("is read with its unit", () => {
    expect(parseAssertion("broadcast.p99 < 50ms")).toMatchObject({ compare: "<", bound: 50 });
    expect(parseAssertion("join.p99.9<=2s")).toMatchObject({
      subject: { latency: "join", stat: "p999" },
      bound: 2_000,
    });
    expect(parseAssertion("lost == 0")).toMatchObject({ subject: { counter: "lost" }, bound: 0 });
  });

  it.each([
    "",
    "lost",
    "lost = 0",
    "broadcast < 5ms",
    "nothing == 0",
    "lost == none",
    "broadcast.p99 < soon",
  ])("that is wrong says what was expected: %s", (text) =>
    expect(parseAssertion(text)).toEqual(expect.any(String)),
  );

  it("holds or does not", () => {
    const assertion = parseAssertion("lost <= 3");
    if (typeof assertion === "string") throw new Error(assertion);
    expect([2, 3, 4].map((value) => holds(assertion, value))).toEqual([true, true, false]);
  });
});

describe("the verdict", () => {
  const tick = { cpu: 0.3, loopP99Ms: 1, loopMaxMs: 2, rssBytes: 1 };
  const facts = { sendLag: undefined, broadcast: undefined };

  it("clears a generator that had time to spare", () => {
    expect(judge({ ...facts, watches: new Map([[0, [tick, tick]]]) }).limit).toBe("none");
  });

  it.each([
    ["its core was full", { cpu: 0.97 }],
    ["its event loop was late", { loopP99Ms: 80 }],
  ])("names a generator of which %s", (_what, change) => {
    const watches = new Map([
      [0, [tick]],
      [1, [{ ...tick, ...change }]],
    ]);
    expect(judge({ ...facts, watches })).toMatchObject({
      limit: "generator",
      text: expect.stringMatching(/^The generator was the limit/),
    });
  });

  it("names a generator that sent late", () => {
    const lag = { count: 9, min: 0, mean: 9, p50: 9, p90: 30, p99: 40, p999: 40, max: 40 };
    const watches = new Map([[0, [tick]]]);
    expect(judge({ ...facts, watches, sendLag: lag, broadcast: { ...lag, p99: 60 } }).limit).toBe(
      "generator",
    );
  });
});
