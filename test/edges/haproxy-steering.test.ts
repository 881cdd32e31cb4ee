import { afterEach, describe, expect, test } from "vitest";
import type { ConfigServer } from "../../src/edges/balancer/haproxy/config.js";
import { createSteering } from "../../src/edges/balancer/haproxy/steering.js";
import { lineLogger } from "../../src/edges/system/logger.js";
import { FakeHaproxy, type Fate } from "../support/fake-haproxy.js";
import { until } from "../support/wait.js";

const server = (name: string, port: number) => ({ name, address: { host: "127.0.0.1", port }, weight: 100 });
const [n1, n2] = [server("n1", 1), server("n2", 2)];

const toFree: (() => unknown)[] = [];
afterEach(async () => {
  for (const free of toFree.splice(0).reverse()) await free();
});

/** A steered fake with one server, by its config as by its table. */
async function setUp(rampMs = 0) {
  const fake = await FakeHaproxy.start();
  toFree.push(() => fake.stop());
  const lines: string[] = [];
  let config: readonly ConfigServer[] = [];
  const steering = createSteering({
    socket: { path: fake.path, answerMsMax: 500 },
    logger: lineLogger({ write: (line) => lines.push(line) }),
    serverConnectionsMax: 10,
    reconcilePeriodMs: 10,
    rampMs,
    writeConfig: async (servers) => {
      config = servers;
    },
  });
  toFree.push(() => steering.stop());
  await steering.begin([n1]);
  /** HAProxy starts, and reads the config. */
  const restart = (servers: readonly ConfigServer[] = config) => {
    fake.servers.clear();
    for (const pool of ["web", "websocket"]) {
      for (const { key, server } of servers) {
        const address = `${server.address.host}:${server.address.port}`;
        fake.servers.set(`${pool}/${key}`, { address, weight: server.weight, isChecked: true, admin: 0 });
      }
    }
  };
  restart();
  // Without the number that HAProxy's name of a server begins with.
  const table = () =>
    [...fake.servers].map(([target, { address }]) => `${target.replace(/\d+_/, "")} ${address}`).sort();
  const configured = () => config.map(({ server }) => server);
  return { fake, steering, lines, restart, table, configured };
}

const onlyN1 = ["web/n1 127.0.0.1:1", "websocket/n1 127.0.0.1:1"];
const both = [
  "web/n1 127.0.0.1:1",
  "web/n2 127.0.0.1:2",
  "websocket/n1 127.0.0.1:1",
  "websocket/n2 127.0.0.1:2",
];

describe("steering HAProxy", () => {
  test("adds, moves and removes a server in both pools, with no command more than that needs", async () => {
    const { fake, steering, table, configured } = await setUp();
    await steering.add(n2);
    expect(table()).toEqual(both);
    expect(configured()).toEqual([n1, n2]);
    expect(fake.told).toHaveLength(6);
    expect([...fake.servers.values()].every(({ isChecked, admin }) => isChecked && admin === 0)).toBe(true);
    await steering.update({ ...n2, weight: 50 });
    expect(fake.told.slice(6)).toEqual([
      "set server web/2_n2 weight 50",
      "set server websocket/2_n2 weight 50",
    ]);
    await steering.remove("n2");
    expect(table()).toEqual(onlyN1);
    expect(configured()).toEqual([n1]);
  });

  test.each<[Fate, string, RegExp]>([
    ["dropped", "balancer_unreachable", /broke off|ECONNRESET|EPIPE/],
    ["lost", "balancer_unreachable", /broke off|ECONNRESET|EPIPE/],
    ["hangs", "balancer_unreachable", /no answer within 500 ms/],
    ["garbage", "balancer_update_failed", /refused/],
  ])(
    "a command half-way that is %s fails the change, and leaves and repairs what was",
    async (fate, code, words) => {
      const { fake, steering, table, configured, lines } = await setUp();
      fake.fate = (command) => (command.includes("websocket/2_n2") ? fate : "answered");
      await expect(steering.add(n2)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
      expect(configured()).toEqual([n1]);
      expect(table()).not.toEqual(onlyN1);
      fake.fate = () => "answered";
      steering.keep();
      await until(() => table().join() === onlyN1.join(), "the half is taken away");
      expect((await steering.status()).map(({ name }) => name)).toEqual(["n1"]);
      await until(() => lines.some((line) => line.includes("put right")), "it is told");
      await steering.add(n2);
      expect(table()).toEqual(both);
    },
  );

  test.each<[string, Fate]>([
    ["hangs", "hangs"],
    ["talks nonsense", "garbage"],
    ["hangs up", "dropped"],
  ])(
    "a socket that %s leaves all as it is, is told once, and is used again when it is well",
    async (_what, fate) => {
      const { fake, steering, table, lines } = await setUp();
      fake.fate = () => fate;
      const asked = () => expect(steering.status()).rejects.toMatchObject({ code: "balancer_unreachable" });
      await asked();
      await expect(steering.remove("n1")).rejects.toMatchObject({ code: "balancer_unreachable" });
      steering.keep();
      await until(() => lines.length > 0, "it is told");
      for (let round = 0; round < 3; round++) await asked();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/WARN.*not steered; its servers stay as they are.*balancer_unreachable/i);
      expect(table()).toEqual(onlyN1);
      fake.fate = () => "answered";
      await until(() => lines.length === 2, "it is told that it is well");
      await steering.add(n2);
      expect(table()).toEqual(both);
    },
  );

  test("a socket that is absent fails changes with a code, and nothing else", async () => {
    const { fake, steering, configured, table, lines } = await setUp();
    steering.keep();
    await fake.leave();
    await expect(steering.add(n2)).rejects.toMatchObject({
      code: "balancer_unreachable",
      message: expect.stringMatching(/ENOENT|ECONNREFUSED/),
    });
    expect(configured()).toEqual([n1]);
    await until(() => lines.length > 0, "it is told");
    await fake.listen();
    await until(() => lines.some((line) => line.includes("steered again")), "it is found again");
    expect(table()).toEqual(onlyN1);
  });

  test("puts right what somebody else changed: a restart with old servers, a drain, a weight, a check", async () => {
    const { fake, steering, table, lines, restart } = await setUp();
    steering.keep();
    await steering.add(n2);
    restart([{ key: "9_old", server: server("old", 9) }]);
    await until(() => table().join() === both.join(), "the servers are right");
    await until(() => lines.length === 1, "it is told");
    expect(lines[0]).toMatch(/had other servers.*put right.*commands=18/);
    const found = fake.servers.get("websocket/1_n1");
    const isRight = () =>
      found?.weight === 100 && found.isChecked && found.admin === 0 && found.address === "127.0.0.1:1";
    Object.assign(found ?? {}, { weight: 3, isChecked: false, admin: 8, address: "127.0.0.1:7" });
    await until(isRight, "the server is right");
  });

  test("makes changes in the order of the calls, also after one that failed", async () => {
    const { fake, steering, table } = await setUp();
    fake.fate = (command) => (command.startsWith("add server web/2_n2") ? "dropped" : "answered");
    const failed = expect(steering.add(n2)).rejects.toMatchObject({ code: "balancer_unreachable" });
    const added = steering.add({ ...n2, name: "n3" });
    const removed = steering.remove("n1");
    await Promise.all([failed, added, removed]);
    expect(table()).toEqual(["web/n3 127.0.0.1:2", "websocket/n3 127.0.0.1:2"]);
  });

  test("lets a new server come to its weight little by little, and says nothing of that", async () => {
    const { fake, steering, lines } = await setUp(400);
    steering.keep();
    await steering.add(n2);
    expect(fake.servers.get("websocket/2_n2")?.weight).toBe(1);
    await until(() => fake.servers.get("websocket/2_n2")?.weight === 100, "it has its weight");
    const weights = fake.told
      .flatMap((text) => /websocket\/2_n2 weight (\d+)$/.exec(text)?.[1] ?? [])
      .map(Number);
    expect(weights.length).toBeGreaterThan(2);
    expect(weights).toEqual([...weights].sort((a, b) => a - b));
    expect(fake.servers.get("websocket/1_n1")?.weight).toBe(100);
    expect(lines).toEqual([]);
  });
});
