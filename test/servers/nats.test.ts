import { describe } from "vitest";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { brokerCases } from "../support/broker-cases.js";
import { startNats } from "../support/brokers.js";
import { requireServer } from "../support/servers.js";

const server = requireServer("nats-server");

describe.skipIf(server.missing)("the nats engine and its server", () => {
  brokerCases({
    startBroker: () => startNats(server),
    startLockedBroker: () => startNats(server, "authorization { user: ada, password: lovelace }"),
    createAdapter: (port, options) => nats({ servers: `127.0.0.1:${port}`, ...options }),
    createAdapterWith: (port, user, password) =>
      nats({ servers: user === "" ? `127.0.0.1:${port}` : `nats://${user}:${password}@127.0.0.1:${port}` }),
  });
});
