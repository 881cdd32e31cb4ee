import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import { nats } from "../../src/edges/pubsub/nats/nats.js";
import { redis } from "../../src/edges/pubsub/redis/redis.js";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { type Broker, startNats, startRedis } from "../support/brokers.js";
import { type ChannelClient, connectChannels } from "../support/channel-client.js";
import { type Listening, useEndpoints } from "../support/endpoints.js";
import { type Claims, jsonToken, jsonVerifier } from "../support/json-tokens.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const natsServer = requireServer("nats-server");
const redisServer = requireServer("redis-server");

const users = socket({
  auth: { verifier: jsonVerifier, param: "token" },
  connect: ({ token }) => accept({ user: token.subject }),
  id: ({ assigns }) => `user:${assigns.user}`,
});
const room = users.channel({ join: () => ok() });
const sockets = { "/socket": { socket: users.routes({ "room:*": room }) } };

const nowS = () => Math.floor(Date.now() / 1_000);
const query = (sub: string, claims: Claims = {}) =>
  `token=${encodeURIComponent(jsonToken({ sub, iat: nowS() - 10, ...claims }))}`;

const closed = async (client: ChannelClient) => {
  await until(() => client.wire.closing !== undefined, "the socket is closed");
  expect(client.wire.closing).toEqual({ code: 4003, reason: "token revoked" });
};

/** Comes with a token until it is refused; who got in before that is thrown out again. */
async function untilRefused(port: number, token: string): Promise<void> {
  const refused = async () => {
    const client = await connectChannels(port, token).catch((error: Error) => error);
    if (client instanceof Error) return client.message.includes("401");
    await closed(client);
    return false;
  };
  await until(refused, "the token is refused", 30_000);
}

function revocationCases(
  startBroker: () => Promise<Broker>,
  adapterAt: (port: number) => PubSubAdapter,
): void {
  const start = useEndpoints();
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.end());

  it("closes sockets on other nodes, and reaches those who were cut off, and who come later", async () => {
    const nodes: Listening[] = [];
    const grow = async () => {
      const name = `n${nodes.length + 1}@test`;
      nodes.push(
        await start({ sockets, pubsub: adapterAt(broker.port), name, auth: { syncIntervalMs: 500 } }),
      );
      const all = () => nodes.every(({ endpoint }) => endpoint.nodes().length === nodes.length - 1);
      await until(all, "they know each other", 30_000);
    };
    while (nodes.length < 3) await grow();
    const [a, b, c] = nodes.map(({ endpoint }) => endpoint);
    const portOf = (index: number) => nodes[index]?.port ?? 0;

    const ada = await connectChannels(portOf(2), query("ada"));
    const grace = await connectChannels(portOf(2), query("grace"));
    const beganMs = performance.now();
    a?.revoke({ user: "ada" });
    await closed(ada);
    const tookMs = Math.round(performance.now() - beganMs);
    console.log(`a revocation closes a socket on another node after ${tookMs} ms`);
    expect(tookMs).toBeLessThan(5_000);
    await grace.silence();
    for (const { port } of nodes) await untilRefused(port, query("ada"));

    const lin = await connectChannels(portOf(2), query("lin", { jti: "t1" }));
    await broker.kill();
    await until(() => nodes.every(({ endpoint }) => endpoint.nodes().length === 0), "each is alone", 30_000);
    b?.revoke({ tokenId: "t1" });
    await lin.silence();
    await broker.restart();
    await closed(lin);
    await grace.silence();

    await grow();
    await untilRefused(portOf(3), query("lin", { jti: "t1" }));
    await untilRefused(portOf(3), query("ada"));
    expect(c?.stats()).toMatchObject({ connections: 1, revoked_closes_total: 2 });
    grace.wire.close();
  }, 120_000);
}

describe.skipIf(natsServer.missing)("a token that is revoked on one of several nodes by nats", () =>
  revocationCases(
    () => startNats(natsServer),
    (port) => nats({ servers: `127.0.0.1:${port}` }),
  ),
);

describe.skipIf(redisServer.missing)("a token that is revoked on one of several nodes by redis", () =>
  revocationCases(
    () => startRedis(redisServer),
    (port) => redis({ url: `redis://127.0.0.1:${port}` }),
  ),
);
