import { describe, expect, it } from "vitest";
import { createEndpoint, ok, socket } from "../../src/index.js";
import { EndpointCore, type EndpointCoreOptions } from "../../src/runtime/endpoint.js";
import type { FleetOptions } from "../../src/runtime/endpoint-options.js";
import { FakeClock } from "../support/fake-clock.js";
import { FakeLan } from "../support/fake-lan.js";
import { FakeSink } from "../support/fake-sink.js";
import { FakeClient, handshake, MemoryLogger, turn } from "../support/node.js";

const users = socket();
const room = users.channel({ join: () => ok(), in: { ping: () => ok() } });
const sockets = {
  "/socket": { socket: users.routes({ "room:*": room }), websocket: { timeoutMs: 10_000_000 } },
};
const quick = { tolerance: 0.1, windowMs: 4_000, stableMs: 5_000, perSecondMax: 100 };

/** Nodes on one network and one clock, with clients. */
class Nodes {
  readonly clock = new FakeClock();
  readonly lan = new FakeLan();
  readonly logger = new MemoryLogger();
  chance = 0.5;

  async start(name: string, fleet: FleetOptions, more: Partial<EndpointCoreOptions> = {}) {
    const vitals = { eventLoop: () => 0, rssBytes: () => 1 };
    const random = { fraction: () => this.chance, bytes: (length: number) => new Uint8Array(length) };
    const core = new EndpointCore({
      name,
      host: undefined,
      sockets,
      adapter: this.lan.adapter(),
      drain: { noticeMs: 60_000 },
      fleet: { ...fleet, vitals },
      signerFor: undefined,
      clock: this.clock,
      random,
      logger: this.logger,
      ...more,
    });
    await core.start();
    return core;
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs, turn);
  }
}

async function connect(core: EndpointCore, count: number): Promise<FakeClient[]> {
  const clients: FakeClient[] = [];
  for (let one = 0; one < count; one++) {
    const [mount] = core.mounts;
    const decision = await mount?.connect(handshake());
    if (mount === undefined || decision === undefined || decision.kind === "refused")
      throw new Error("refused");
    const sink = new FakeSink();
    clients.push(new FakeClient(mount.open(decision, "websocket", sink), sink));
  }
  return clients;
}

const gone = (clients: readonly FakeClient[]) => clients.filter(({ sink }) => sink.closing !== undefined);

describe("a node that holds more than the mean", () => {
  it("gives the surplus away with 1012, spread over the window, and stops at the mean", async () => {
    const nodes = new Nodes();
    const first = await nodes.start("n1", { rebalance: quick });
    const clients = await connect(first, 40);
    const second = await nodes.start("n2", { rebalance: quick });
    const counts: number[] = [];
    for (let second = 0; second < 14; second++) {
      await nodes.advance(1_000);
      counts.push(gone(clients).length);
    }
    const from = counts.findIndex((count) => count > 0);
    expect(from, "not before the fleet has been stable").toBeGreaterThanOrEqual(5);
    expect(counts.slice(from, from + 2)).toEqual([5, 10]);
    expect(counts.at(-1), "nobody took them: the mean falls with what is away").toBeGreaterThanOrEqual(20);
    expect(gone(clients)[0]?.sink.closing).toEqual({ code: 1012, reason: "rebalancing" });
    expect(first.counters.rebalanced_connections_total).toBe(counts.at(-1));
    expect(second.counters.rebalanced_connections_total).toBe(0);
    expect(nodes.logger.at("info")).toContain("giving connections away to emptier nodes");
  });

  it("comes to rest when those that go come to the others", async () => {
    const nodes = new Nodes();
    const first = await nodes.start("n1", { rebalance: quick });
    const clients = await connect(first, 40);
    const second = await nodes.start("n2", { rebalance: quick });
    let moved = 0;
    for (let second_ = 0; second_ < 40; second_++) {
      await nodes.advance(1_000);
      const away = gone(clients).length;
      await connect(second, away - moved);
      moved = away;
    }
    expect([moved, first.counters.connections, second.counters.connections]).toEqual([20, 20, 20]);
    expect(second.counters.rebalanced_connections_total, "nobody gives back").toBe(0);
  });

  it("sends those without a channel first, then those that were silent the longest", async () => {
    const nodes = new Nodes();
    const first = await nodes.start("n1", { rebalance: { ...quick, tolerance: 0.5 } });
    const clients = await connect(first, 8);
    for (const client of clients.slice(0, 7)) await client.join("room:1");
    await nodes.advance(10);
    for (const client of clients.slice(0, 3)) client.send(["1", "2", "room:1", "ping", {}]);
    await nodes.start("n2", { rebalance: quick });
    while (gone(clients).length === 0) await nodes.advance(1_000);
    expect(gone(clients), "the one that has joined nothing").toEqual([clients[7]]);
    while (gone(clients).length < 4) await nodes.advance(1_000);
    expect(gone(clients).every((client) => clients.indexOf(client) >= 3)).toBe(true);
  });

  it("waits again when a node comes or goes", async () => {
    const nodes = new Nodes();
    const first = await nodes.start("n1", { rebalance: quick });
    const clients = await connect(first, 40);
    await nodes.start("n2", {});
    await nodes.advance(4_000);
    await nodes.start("n3", {});
    await nodes.advance(5_000);
    expect(gone(clients)).toEqual([]);
    nodes.lan.crash("n3");
    await nodes.advance(5_000);
    expect(gone(clients)).toEqual([]);
    await nodes.advance(5_000);
    expect(gone(clients).length).toBeGreaterThan(0);
  });

  it("gives nothing away while it drains, nor where it was not asked for", async () => {
    const nodes = new Nodes();
    const first = await nodes.start("n1", { rebalance: quick });
    const other = await nodes.start("n2", {});
    const clients = [...(await connect(first, 40)), ...(await connect(other, 1))];
    await nodes.start("n3", {});
    void first.drain();
    await nodes.advance(30_000);
    expect(gone(clients)).toEqual([]);
  });
});

describe("connections with a greatest age", () => {
  it("end at random in the last fifth of it, with 1012, and never later", async () => {
    const nodes = new Nodes();
    nodes.chance = 0.09;
    const node = await nodes.start("n1", {}, { connectionAgeMaxMs: 100_000, fleet: undefined });
    const clients = await connect(node, 3);
    await nodes.advance(80_000);
    expect(gone(clients)).toEqual([]);
    await nodes.advance(8_000);
    expect(gone(clients).length, "the chance rises as the end comes nearer").toBe(0);
    await nodes.advance(12_000);
    expect(gone(clients).length).toBe(3);
    expect(clients[0]?.sink.closing).toEqual({ code: 1012, reason: "connection age" });
    expect(node.counters.aged_connections_total).toBe(3);
  });

  it("are spread, though they all came at once", async () => {
    const nodes = new Nodes();
    const node = await nodes.start("n1", {}, { connectionAgeMaxMs: 100_000, fleet: undefined });
    const clients = await connect(node, 200);
    let seed = 1;
    Object.defineProperty(nodes, "chance", {
      get: () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed / 2_147_483_647;
      },
    });
    await nodes.advance(79_000);
    expect(gone(clients).length).toBe(0);
    let most = 0;
    for (let second = 0; second < 22; second++) {
      const before = gone(clients).length;
      await nodes.advance(1_000);
      most = Math.max(most, gone(clients).length - before);
    }
    expect(gone(clients).length).toBe(200);
    expect(most, "ten a second would be perfectly even").toBeLessThan(30);
  });
});

describe("options that cannot work", () => {
  it.each([
    [{ tolerance: 0 }, /tolerance/],
    [{ tolerance: Number.NaN }, /tolerance/],
    [{ windowMs: 10 }, /windowMs/],
    [{ stableMs: -1 }, /stableMs/],
    [{ perSecondMax: 0 }, /perSecondMax/],
  ])("are refused: %j", async (rebalance, words) => {
    await expect(new Nodes().start("n1", { rebalance })).rejects.toThrow(words);
  });

  it("are refused by an endpoint that is alone as well", () => {
    expect(() => createEndpoint({ sockets, fleet: { connectionAgeMaxMs: 1 } })).toThrow(/connectionAgeMaxMs/);
  });
});
