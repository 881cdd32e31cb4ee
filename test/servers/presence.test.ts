import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { type Broker, startNats, startRedis } from "../support/brokers.js";
import { presenceCases, usePresenceWorlds } from "../support/presence-cases.js";
import { show } from "../support/report.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const natsServer = requireServer("nats-server");
const redisServer = requireServer("redis-server");

/** All clusters of one suite are on one server, each with a prefix of its own. */
let clusters = 0;

function brokerCases(
  startBroker: () => Promise<Broker>,
  adapterAt: (port: number, prefix: string) => ReturnType<typeof nats>,
): void {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.end());
  const engine = {
    createCluster: async () => {
      const prefix = `presence-${++clusters}`;
      return {
        createAdapter: () => adapterAt(broker.port, prefix),
        introduce: async () => {},
        dispose: async () => {},
      };
    },
  };
  presenceCases(engine);

  const world = usePresenceWorlds(engine);

  it("loses nobody when the server is gone for a while, and learns of those who came meanwhile", async () => {
    const { people, nodes, enter } = await world(3, { lostPeriodMs: 600_000 });
    const clients = [await enter(0, "ann"), await enter(1, "bob")];
    const agree = (keys: readonly string[]) =>
      until(
        () => {
          for (const client of clients) expect(client.keys()).toEqual(keys);
          for (const { endpoint } of nodes) {
            expect(Object.keys(people.at(endpoint).list("room:lobby")).sort()).toEqual(keys);
          }
          return true;
        },
        `everybody sees ${keys}`,
        30_000,
      );
    await agree(["ann", "bob"]);
    await broker.kill();
    await until(() => nodes.every(({ endpoint }) => endpoint.nodes().length === 0), "each is alone");
    // The topic is known to be wanted here, so a join need not wait for the server.
    clients[0]?.channel.push("track", { keys: ["cyd"], text: "" });
    clients[1]?.channel.push("track", { keys: ["dan"], text: "" });
    await until(() => clients[0]?.keys().includes("cyd") && clients[1]?.keys().includes("dan"), "both sides");
    await broker.restart();
    const restartedAt = performance.now();
    await agree(["ann", "bob", "cyd", "dan"]);
    const seconds = ((performance.now() - restartedAt) / 1_000).toFixed(2);
    show(`three nodes agree on who is here ${seconds} s after their server is back`);
    expect(clients.flatMap(({ changes }) => changes).filter((change) => change.startsWith("-"))).toEqual([]);
  });
}

describe.skipIf(natsServer.missing)("presence across nodes by nats", () =>
  brokerCases(
    () => startNats(natsServer),
    (port, prefix) => nats({ servers: `127.0.0.1:${port}`, prefix }),
  ),
);

describe.skipIf(redisServer.missing)("presence across nodes by redis", () =>
  brokerCases(
    () => startRedis(redisServer),
    (port, prefix) => redis({ url: `redis://127.0.0.1:${port}`, prefix }),
  ),
);
