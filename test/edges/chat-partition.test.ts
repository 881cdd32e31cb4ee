import { Presence } from "phoenix";
import { describe, expect, test } from "vitest";
import { people } from "../../examples/chat/src/people.js";
import { createRoom, visitors } from "../../examples/chat/src/room.js";
import { type MeshAdapter, mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import { formatAddress } from "../../src/edges/pubsub/mesh/peer-address.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { answerOf, useOfficialClients } from "../support/chat-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { testSecret } from "../support/pubsub-engines.js";
import { Relay } from "../support/relay.js";
import { until } from "../support/wait.js";

/** Silence is noticed in a third of a second, and a link that can be is soon there again. */
const timing = {
  backoffBaseMs: 5,
  backoffMaxMs: 50,
  heartbeatPeriodMs: 50,
  heartbeatTimeoutMs: 250,
  dialTimeoutMs: 100,
  handshakeTimeoutMs: 200,
};

describe("clients of three nodes, one of which is cut off", () => {
  const start = useEndpoints();
  const connect = useOfficialClients();

  async function startNode(name: string, peers: readonly string[]) {
    const adapter = mesh({ secret: testSecret, peers, timing });
    const room = createRoom({ name, supervised: false, logger: silentLogger });
    const sockets = { "/socket": { socket: visitors.routes({ "room:*": room }) } };
    const { port } = await start({ name, sockets, pubsub: adapter, presence: people });
    return { adapter, port, address: formatAddress(adapter.address ?? { host: "", port: 0 }) };
  }

  async function enter(port: number, name: string) {
    const channel = (await connect(port)).channel("room:lobby", { name });
    const presence = new Presence(channel);
    expect((await answerOf(channel.join())).status).toBe("ok");
    return () => presence.list((key) => key).sort();
  }

  const untilMeshed = (adapters: readonly MeshAdapter[]) =>
    until(() => adapters.every((one) => one.nodes().length === adapters.length - 1), "a whole mesh");

  test("see their own side during the partition, and everybody again after it", async () => {
    const a = await startNode("a", []);
    const b = await startNode("b", [a.address]);
    const relays = [await Relay.start(a.address), await Relay.start(b.address)];
    const c = await startNode(
      "c",
      relays.map(({ address }) => address),
    );
    await untilMeshed([a.adapter, b.adapter, c.adapter]);
    const views = [await enter(a.port, "Attar"), await enter(b.port, "Bahram"), await enter(c.port, "Cyrus")];
    const agree = (names: readonly (readonly string[])[], what: string) =>
      until(() => JSON.stringify(views.map((view) => view())) === JSON.stringify(names), what, 20_000);
    const everybody = ["Attar", "Bahram", "Cyrus"];
    await agree([everybody, everybody, everybody], "everybody sees everybody");

    const startedAt = performance.now();
    for (const relay of relays) relay.silence();
    const side = ["Attar", "Bahram"];
    await agree([side, side, ["Cyrus"]], "each side sees itself");
    const healedAt = performance.now();
    for (const relay of relays) relay.heal();
    await agree([everybody, everybody, everybody], "everybody sees everybody again");
    const seconds = (from: number, to: number) => `${((to - from) / 1_000).toFixed(2)} s`;
    console.log(
      `clients of three nodes agree ${seconds(startedAt, healedAt)} after a partition (each side), ` +
        `${seconds(healedAt, performance.now())} after it has healed`,
    );
  });
});
