import { describe } from "vitest";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { brokerCases } from "../support/broker-cases.js";
import { startRedis } from "../support/brokers.js";
import { requireServer } from "../support/servers.js";

const server = requireServer("redis-server");

describe.skipIf(server.missing)("the redis engine and its server", () => {
  brokerCases({
    startBroker: () => startRedis(server),
    startLockedBroker: () =>
      startRedis(server, "--user default off --user ada on >lovelace &* +@all".split(" ")),
    createAdapter: (port, options) => redis({ url: `redis://127.0.0.1:${port}`, ...options }),
    createAdapterWith: (port, user, password) => {
      const credentials = user === "" ? "" : `${user}:${password}@`;
      return redis({ url: `redis://${credentials}127.0.0.1:${port}` });
    },
  });
});
