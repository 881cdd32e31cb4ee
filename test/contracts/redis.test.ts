import { bindPubSubContract, type PubSubEngineUnderTest, pubsubContract } from "simurgh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisOptions, redis } from "../../src/edges/pubsub/redis/redis.js";
import { type Broker, startRedis } from "../support/brokers.js";
import { systemParts } from "../support/pubsub-engines.js";
import { requireServer } from "../support/servers.js";

const server = requireServer("redis-server");

const uses: readonly { channels: string; options: RedisOptions }[] = [
  { channels: "sharded channels, which it finds by itself", options: {} },
  { channels: "classic channels", options: { sharded: false } },
  { channels: "sharded channels over RESP 2", options: { client: { RESP: 2 as const } } },
];

describe.skipIf(server.missing).each(uses)("the redis engine with $channels", ({ options }) => {
  let broker: Broker;
  let clusters = 0;
  beforeAll(async () => {
    broker = await startRedis(server);
  });
  afterAll(() => broker.end());

  const engine: PubSubEngineUnderTest = {
    ...systemParts,
    engine: "redis",
    missing: {},
    payloadBytes: 1_048_576,
    payloadTooLargeBytes: 4 * 1_048_576,
    createCluster: async () => {
      // All clusters of this file are on one server, each with a prefix of its own.
      const prefix = `contract-${++clusters}`;
      return {
        createAdapter: () => redis({ url: `redis://127.0.0.1:${broker.port}`, prefix, ...options }),
        introduce: async () => {},
        dispose: async () => {},
      };
    },
  };
  const { bound, unbound } = bindPubSubContract(engine);

  it.each(bound)("$name", (one) => one.run());

  it("is bound by every promise", () => {
    expect(unbound).toEqual([]);
    expect(bound).toHaveLength(pubsubContract.length);
  });
});
