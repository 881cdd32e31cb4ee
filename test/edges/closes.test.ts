import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { MountOptions } from "../../src/runtime/endpoint-options.js";
import { ok } from "../../src/runtime/result.js";
import { accept, socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer, connectChannels, errorFrame } from "../support/channel-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { ask } from "../support/http.js";
import { hubEngine } from "../support/hub-engine.js";
import { until } from "../support/wait.js";
import type { WireClient } from "../support/wire-client.js";

const start = useEndpoints();
const users = socket({
  connect: ({ params }) => accept({ user: params.user }),
  id: ({ assigns }) => (typeof assigns.user === "string" ? `user:${assigns.user}` : undefined),
});
const ends: string[] = [];
const room = users.channel({
  join: () => ok(),
  in: { ping: () => ok() },
  terminate: (ch, { kind }) => void ends.push(`${ch.topic} ${kind}`),
});

const serve = (options: Partial<MountOptions> = {}, more: object = {}) =>
  start({ sockets: { "/socket": { socket: users.routes({ "room:*": room }), ...options } }, ...more });

const closingOf = (client: WireClient) => until(() => client.closing, "the connection is closed");

describe("a disconnect of a socket's id", () => {
  it("closes its connections on every node with 1001, without a word before, and no others", async () => {
    const cluster = await hubEngine().createCluster();
    const one = await serve({}, { pubsub: cluster.createAdapter(), name: "n1@test" });
    const two = await serve({}, { pubsub: cluster.createAdapter(), name: "n2@test" });
    const near = await connectChannels(one.port, "user=7");
    const far = await connectChannels(two.port, "user=7");
    const other = await connectChannels(two.port, "user=8");
    const nameless = await connectChannels(two.port);
    for (const client of [near, far, other, nameless]) await client.join("room:1");
    ends.length = 0;
    one.endpoint.disconnect("user:7");
    for (const { wire, next } of [near, far]) {
      expect((await closingOf(wire)).code).toBe(1001);
      await expect(next()).rejects.toThrow("1001");
    }
    expect(ends).toEqual(["room:1 closed", "room:1 closed"]);
    await other.silence();
    await nameless.silence();
    expect(one.endpoint.stats()).toMatchObject({ connections: 0, channels: 0 });
  });

  it("is nothing but that event on the id as a topic; other events there mean nothing", async () => {
    const { endpoint, port } = await serve();
    const client = await connectChannels(port, "user=7");
    endpoint.broadcast("user:7", "hello", {});
    await client.silence();
    endpoint.localBroadcast("user:7", "disconnect", {});
    expect((await closingOf(client.wire)).code).toBe(1001);
  });

  it("takes effect at once, also for a client that does not answer the goodbye", async () => {
    const { endpoint, port } = await serve();
    const raw = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0&user=7`);
    await until(() => raw.readyState === raw.OPEN, "open");
    raw.send('["1","1","room:1","phx_join",{}]');
    await until(() => endpoint.stats().channels === 1, "joined");
    raw.pause();
    endpoint.disconnect("user:7");
    raw.send('["1","2","room:1","ping",{}]');
    await until(() => endpoint.stats().connections === 0, "the session is over");
    expect(endpoint.stats()).toMatchObject({ channels: 0, messages_in_total: 1 });
    raw.terminate();
  });
});

describe("a drain", () => {
  it("closes every connection with 1012, without a word before, in batches", async () => {
    const { endpoint, port } = await serve({}, { drain: { noticeMs: 0 } });
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => connectChannels(port)));
    for (const client of clients.slice(1)) await client.join("room:1");
    ends.length = 0;
    const done = endpoint.drain();
    expect(endpoint.ready).toBe(false);
    expect((await ask(port, "/ready")).status).toBe(503);
    expect((await ask(port, "/health")).status).toBe(200);
    await done;
    for (const { wire } of clients) expect((await closingOf(wire)).code).toBe(1012);
    expect(ends).toHaveLength(4);
    expect(endpoint.stats()).toMatchObject({ connections: 0, channels: 0 });
  });

  it("still accepts who comes meanwhile, and drains only once", async () => {
    const { endpoint, port } = await serve();
    await Promise.all([endpoint.drain(), endpoint.drain()]);
    const late = await connectChannels(port);
    await late.join("room:1");
    await endpoint.drain();
    await late.silence();
    await endpoint.stop();
    expect((await closingOf(late.wire)).code).toBe(1012);
  });
});

describe("a connection", () => {
  it("is closed when its client sends nothing for too long, and a ping of WebSocket is something", async () => {
    const { endpoint, port } = await serve({ websocket: { timeoutMs: 200 } });
    const idle = await connectChannels(port);
    const busy = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    await until(() => busy.readyState === busy.OPEN, "open");
    // Each answer brings the next ping.
    busy.on("pong", () => busy.ping());
    busy.ping();
    await idle.join("room:1");
    expect((await closingOf(idle.wire)).code).toBe(1002);
    expect(endpoint.stats().idle_closes_total).toBe(1);
    expect(busy.readyState).toBe(busy.OPEN);
    busy.terminate();
  });

  it.each<[string, string | Buffer, number]>([
    ["a message that is too large", "x".repeat(101), 1009],
    ["no JSON", "not json", 1011],
    ["too few elements", '["1","2","t","e"]', 1011],
    ["a binary frame that is cut short", Buffer.from([0, 1, 1]), 1011],
  ])("that brings %s is closed, and no other", async (_what, data, code) => {
    const { port, endpoint } = await serve({ websocket: { frameBytesMax: 100 } });
    const good = await connectChannels(port);
    const bad = await connectChannels(port);
    await good.join("room:1");
    await bad.join("room:1");
    await bad.wire.send(data);
    expect((await closingOf(bad.wire)).code).toBe(code);
    await good.silence();
    await until(() => endpoint.stats().connections === 1, "the other one is left");
  });

  it("that brings text which is no UTF-8 is closed with 1007", async () => {
    const { port } = await serve();
    const raw = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    await until(() => raw.readyState === raw.OPEN, "open");
    raw.send(Buffer.from([0xff, 0xfe]), { binary: false });
    const code = await new Promise((resolve) => raw.once("close", resolve));
    expect(code).toBe(1007);
  });

  it.each(["topic", "ref", "join_ref"] as const)(
    "survives no %s that cannot be written back",
    async (field) => {
      const { port } = await serve();
      const good = await connectChannels(port);
      const bad = await connectChannels(port);
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
      const parts = { join_ref: '"1"', ref: '"2"', topic: '"room:1"', [field]: deep };
      await bad.wire.send(`[${parts.join_ref},${parts.ref},${parts.topic},"phx_join",{}]`);
      expect((await closingOf(bad.wire)).code).toBe(1011);
      await good.join("room:2");
    },
  );

  it("may send topics and events that are no text: such a topic is joined by nobody", async () => {
    const { port } = await serve();
    const client = await connectChannels(port);
    await client.join("room:1");
    for (const topic of [5, null, ["room:1"], { a: 1 }, true]) {
      await client.send("2", "2", topic, "phx_join", {});
      expect(await client.next()).toEqual(
        answer(null, "2", topic as never, "error", { reason: "unmatched topic" }),
      );
    }
    await client.send("1", "3", "room:1", { ping: 1 }, {});
    expect(await client.next()).toEqual(errorFrame("1", "room:1"));
  });
});
