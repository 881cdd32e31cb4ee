import { afterEach, describe, expect, it } from "vitest";
import { createEndpoint, error, ok, socket } from "../../src/index.js";
import type { LoadScenario } from "../../src/load.js";
import { LoadHarness } from "../support/load-run.js";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A real server: who joins without the right token is refused. */
async function startServer(): Promise<string> {
  const users = socket();
  const room = users.channel({
    join: (_ch, params) =>
      JSON.stringify(params).includes("wrong") ? error({ reason: "unauthorized" }) : ok({}),
    in: { shout: (ch, payload) => ch.broadcast("shout", { payload }), ping: (_ch, payload) => ok(payload) },
  });
  const endpoint = createEndpoint({
    sockets: { "/socket": { socket: users.routes({ "room:*": room }), longpoll: true } },
    secretKeyBase: "a".repeat(64),
  });
  const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
  cleanUps.push(() => endpoint.stop());
  return `ws://127.0.0.1:${port}/socket`;
}

async function run(scenario: Omit<LoadScenario, "url">, messages: number, workers = 2) {
  const load = new LoadHarness({ ...scenario, limits: { settle: "30s" }, url: await startServer() }, workers);
  cleanUps.push(() => load.close());
  await load.joined();
  await load.publish(messages);
  await load.finish();
  return load;
}

const shouts = { publish: { rate: 60 }, duration: "1s" } as const;

describe("clients of a real server", () => {
  it("that speak V1, where half of them poll, get every message once", async () => {
    const load = await run({ connections: 8, vsn: 1, longPollShare: 0.5, ...shouts }, 60);
    const { counters } = load.collector;
    expect(load.collector.failures()).toEqual([]);
    expect(counters).toMatchObject({
      joins: 8,
      published: 60,
      delivered: 480,
      lost: 0,
      duplicated: 0,
      reordered: 0,
    });
  });

  it("that poll with V2 do, too", async () => {
    const load = await run({ connections: 4, longPollShare: 1, ...shouts }, 60);
    expect(load.collector.failures()).toEqual([]);
    expect(load.collector.counters).toMatchObject({ published: 60, delivered: 240, lost: 0, reordered: 0 });
  });

  it("in several topics get those of their own only", async () => {
    const topics = { name: "room:{n}", perClient: 2, clientsPerTopic: 4 };
    const load = await run({ connections: 12, topics, ...shouts }, 60);
    const { counters } = load.collector;
    expect(counters).toMatchObject({ joins: 24, published: 60, delivered: 240, lost: 0, foreign: 0 });
  });

  it("that read late get all, which is told apart", async () => {
    const slow = { share: 0.25, pause: "200ms" };
    const load = await run({ connections: 8, slow, ...shouts }, 60);
    expect(load.collector.counters).toMatchObject({ delivered: 480, lost: 0 });
    expect(load.collector.distribution("slow")?.count).toBe(120);
    expect(load.collector.distribution("broadcast")?.count).toBe(360);
  });

  it("that leave by churn and storm come back, and need not get what they missed", async () => {
    const storms = [{ at: "300ms", share: 0.5 }];
    const load = await run({ connections: 8, churn: 10, storms, publish: { rate: 60 }, duration: "2s" }, 120);
    const { counters } = load.collector;
    expect(counters.leaves).toBeGreaterThanOrEqual(20);
    expect(counters.reconnects).toBeGreaterThanOrEqual(20);
    expect(counters).toMatchObject({ disconnects: 0, lostSteady: 0, lostDisconnect: 0, duplicated: 0 });
  });

  it("get replies, when those are what is asked for", async () => {
    const publish = { rate: 60, event: "ping", expect: "reply" } as const;
    const load = await run({ connections: 4, publish, duration: "1s" }, 60);
    expect(load.collector.counters).toMatchObject({ replies: 60, expected: 0, lost: 0, publishErrors: 0 });
    expect(load.collector.distribution("reply")?.count).toBe(60);
  });

  it("send what their templates say", async () => {
    const topics = { name: "room:lobby", join: { token: "{token}" } };
    const load = new LoadHarness({
      url: await startServer(),
      connections: 4,
      topics,
      tokens: ["right", "wrong"],
    });
    cleanUps.push(() => load.close());
    await load.settled(2, 2);
    await load.finish();
    expect(load.collector.failures()).toEqual([{ name: "join: error unauthorized", count: 2 }]);
  });
});
