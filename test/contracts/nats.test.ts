import { bindPubSubContract, type PubSubEngineUnderTest, pubsubContract } from "simurgh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { type Broker, startNats } from "../support/brokers.js";
import { systemParts } from "../support/pubsub-engines.js";
import { requireServer } from "../support/servers.js";

const server = requireServer("nats-server");

describe.skipIf(server.missing)("the nats engine", () => {
  let broker: Broker;
  let clusters = 0;
  beforeAll(async () => {
    broker = await startNats(server);
  });
  afterAll(() => broker.end());

  const engine: PubSubEngineUnderTest = {
    ...systemParts,
    engine: "nats",
    missing: {},
    payloadBytes: 1_048_576,
    payloadTooLargeBytes: 1_048_577,
    createCluster: async () => {
      // All clusters of this file are on one server, each with a prefix of its own.
      const prefix = `contract-${++clusters}`;
      return {
        createAdapter: () => nats({ servers: `127.0.0.1:${broker.port}`, prefix }),
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
