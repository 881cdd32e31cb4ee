import { describe, expect, it } from "vitest";
import { ok, socket } from "../../src/index.js";
import { type FakeClient, type FakeNode, heads, startNode, turn } from "../support/node.js";

const users = socket();
let release: () => void = () => {};
const slow = () =>
  new Promise<void>((resolve) => {
    release = resolve;
  });
const room = users.channel({
  join: () => ok(),
  in: {
    ping: () => ok(),
    slow: async (ch) => {
      await slow();
      ch.broadcast("finished", {});
      return ok();
    },
  },
});
const routes = users.routes({ "room:*": room });
const quick = { noticeMs: 0, clientsPerSecond: 20, timeoutMs: 10_000 };

async function crowd(node: FakeNode, count: number): Promise<FakeClient[]> {
  const clients: FakeClient[] = [];
  for (let i = 0; i < count; i++) clients.push(await node.connect());
  return clients;
}

const away = (clients: readonly FakeClient[]) =>
  clients.filter(({ sink }) => sink.closing?.code === 1012).length;

describe("a drain", () => {
  it("sends nobody away before the balancers have seen that the node is not ready", async () => {
    const node = await startNode(routes, { drain: { ...quick, noticeMs: 1_500 } });
    const clients = await crowd(node, 3);
    void node.core.drain();
    expect([node.core.state, node.core.ready]).toEqual(["draining", false]);
    await node.clock.advance(1_499, turn);
    expect(away(clients)).toBe(0);
    await node.clock.advance(1, turn);
    expect(away(clients)).toBe(2);
  });

  it("spreads the goodbyes, and ends with the last", async () => {
    const node = await startNode(routes, { drain: quick });
    const clients = await crowd(node, 5);
    let done = false;
    const drained = node.core.drain().then(() => {
      done = true;
    });
    const counts = [away(clients)];
    for (let i = 0; i < 2; i++) {
      await node.clock.advance(100, turn);
      counts.push(away(clients));
    }
    expect(counts).toEqual([2, 4, 5]);
    await drained;
    expect(done).toBe(true);
    expect(node.logger.at("info")).toEqual(["draining"]);
    expect(node.clock.pending, "only the idle sweeps are left").toBe(1);
  });

  it("takes no longer than it may, at whatever pace that needs", async () => {
    const node = await startNode(routes, { drain: { ...quick, clientsPerSecond: 1, timeoutMs: 300 } });
    const clients = await crowd(node, 9);
    const drained = node.core.drain();
    await node.clock.advance(300, turn);
    await drained;
    expect(away(clients)).toBe(9);
  });

  it("sends those away as well who came meanwhile", async () => {
    const node = await startNode(routes, { drain: { ...quick, noticeMs: 100 } });
    const drained = node.core.drain();
    const late = await node.connect();
    await node.clock.advance(100, turn);
    await drained;
    expect(away([late])).toBe(1);
  });

  it("is one, however often it is asked for, and goes with the stop", async () => {
    const node = await startNode(routes, { drain: { ...quick, clientsPerSecond: 10 } });
    const clients = await crowd(node, 2);
    const first = node.core.drain();
    expect(node.core.drain()).toBe(first);
    await node.core.stop();
    await first;
    expect(clients.map(({ sink }) => sink.closing?.reason)).toEqual(["draining", "stopped"]);
    expect(node.core.state).toBe("stopped");
  });

  it("sends what was sent before the goodbye", async () => {
    const node = await startNode(routes, { drain: quick });
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "ping", {}]);
    await node.core.drain();
    expect(heads(await client.received())).toEqual(["1 2 room:1 phx_reply ok"]);
  });

  it("can be called off: who is there stays, and others are welcome again", async () => {
    const node = await startNode(routes, { drain: quick });
    const clients = await crowd(node, 5);
    const drained = node.core.drain();
    expect(node.core.cancelDrain()).toBe(true);
    await drained;
    await node.clock.advance(1_000, turn);
    expect([away(clients), node.core.ready, node.core.state]).toEqual([2, true, "ready"]);
    expect(node.core.cancelDrain(), "there is none any more").toBe(false);
  });

  it("can be asked for again after it was called off", async () => {
    const node = await startNode(routes, { drain: quick });
    const clients = await crowd(node, 3);
    void node.core.drain();
    node.core.cancelDrain();
    const drained = node.core.drain();
    await node.clock.advance(1_000, turn);
    await drained;
    expect(away(clients)).toBe(3);
  });

  it("cannot be called off once the node has stopped", async () => {
    const node = await startNode(routes, { drain: quick });
    void node.core.drain();
    await node.core.stop();
    expect([node.core.cancelDrain(), node.core.state]).toEqual([false, "stopped"]);
  });
});

describe("a stop", () => {
  it("waits for handlers at work, so that what they send goes out", async () => {
    const node = await startNode(routes);
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "slow", {}]);
    let stopped = false;
    const stopping = node.core.stop().then(() => {
      stopped = true;
    });
    await node.clock.advance(1_000, turn);
    expect([stopped, node.adapter.stops, node.core.counters.callbacks_waiting]).toEqual([false, 0, 1]);
    release();
    await turn();
    await node.clock.advance(100, turn);
    await stopping;
    expect(node.adapter.published.map(({ topic }) => topic)).toContain("room:1");
    expect([node.adapter.stops, node.core.counters.callbacks_waiting]).toEqual([1, 0]);
  });

  it("does not wait for ever", async () => {
    const node = await startNode(routes, { drain: { handlersMs: 200 } });
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "slow", {}]);
    const stopping = node.core.stop();
    await turn();
    await node.clock.advance(220, turn);
    await stopping;
    expect(node.logger.at("warn")).toEqual(["stopped while callbacks were at work"]);
    release();
  });
});
