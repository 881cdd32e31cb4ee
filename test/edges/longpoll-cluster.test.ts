import { describe, expect, it } from "vitest";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { useEndpoints } from "../support/endpoints.js";
import { hubEngine } from "../support/hub-engine.js";
import { longPollCases } from "../support/longpoll-cases.js";
import { startPolling } from "../support/poll-client.js";
import { meshEngine } from "../support/pubsub-engines.js";

describe.each([hubEngine(), meshEngine])("long poll across nodes by $engine", longPollCases);

const users = socket();
const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
const join = ["1", "1", "room:1", "phx_join", {}];

describe("an engine that carries no large messages", () => {
  const start = useEndpoints();

  it("is no reason to lose more than the session, or the post", async () => {
    const made = await hubEngine().createCluster();
    const sockets = {
      "/socket": {
        socket: users.routes({ "room:*": room }),
        longpoll: true,
        limits: { queueBytesMax: 8_000_000 },
      },
    };
    const node = (name: string) =>
      start({ sockets, pubsub: made.createAdapter(), secretKeyBase: "x".repeat(20), name });
    const one = await node("n1@test");
    const two = await node("n2@test");
    const client = await startPolling(one.port);
    await client.post(join);
    await client.get();
    const large = ["1", "2", "room:1", "ping", "x".repeat(1_100_000)];
    expect((await client.post(large, two.port)).status).toBe(413);
    expect((await client.post(large)).status).toBe(200);
    expect((await client.get(two.port)).status).toBe(500);
    expect(one.endpoint.stats().connections).toBe(0);
  });
});
