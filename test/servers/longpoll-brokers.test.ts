import { afterAll, beforeAll, describe } from "vitest";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { type Broker, startNats, startRedis } from "../support/brokers.js";
import { longPollCases } from "../support/longpoll-cases.js";
import { requireServer } from "../support/servers.js";

const natsServer = requireServer("nats-server");
const redisServer = requireServer("redis-server");

/** All clusters of one suite are on one server, each with a prefix of its own. */
let clusters = 0;

describe.skipIf(natsServer.missing)("long poll across nodes by nats", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startNats(natsServer);
  });
  afterAll(() => broker.end());

  longPollCases({
    createCluster: async () => {
      const prefix = `longpoll-${++clusters}`;
      return {
        createAdapter: () => nats({ servers: `127.0.0.1:${broker.port}`, prefix }),
        introduce: async () => {},
        dispose: async () => {},
      };
    },
  });
});

describe.skipIf(redisServer.missing)("long poll across nodes by redis", () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startRedis(redisServer);
  });
  afterAll(() => broker.end());

  longPollCases({
    createCluster: async () => {
      const prefix = `longpoll-${++clusters}`;
      return {
        createAdapter: () => redis({ url: `redis://127.0.0.1:${broker.port}`, prefix }),
        introduce: async () => {},
        dispose: async () => {},
      };
    },
  });
});
