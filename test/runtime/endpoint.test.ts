import { describe, expect, it } from "vitest";
import { z } from "zod";
import { EndpointCore, type EndpointCoreOptions } from "../../src/runtime/endpoint.js";
import { SimurghError } from "../../src/runtime/errors.js";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { FakeAdapter } from "../support/fake-adapter.js";
import { FakeClock } from "../support/fake-clock.js";
import { handshake, heads, MemoryLogger, startNode, turn } from "../support/node.js";

const users = socket();
const room = users.channel({ join: () => ok(), in: { ping: () => ok() } });
const routes = users.routes({ "room:*": room });

function options(overrides: Partial<EndpointCoreOptions> = {}): EndpointCoreOptions {
  return {
    name: "n1@test",
    host: undefined,
    sockets: { "/socket": routes },
    adapter: new FakeAdapter(),
    drain: {},
    signerFor: undefined,
    clock: new FakeClock(),
    random: { fraction: () => 0, bytes: (length) => new Uint8Array(length) },
    logger: new MemoryLogger(),
    ...overrides,
  };
}

describe("the life of an endpoint", () => {
  it("goes from idle over starting to ready, and serves from then on", async () => {
    const adapter = new FakeAdapter();
    let reached: () => void = () => {};
    adapter.starting = () =>
      new Promise((resolve) => {
        reached = resolve;
      });
    const core = new EndpointCore(options({ adapter }));
    expect([core.state, core.serving]).toEqual(["idle", false]);
    const started = core.start();
    expect([core.state, core.serving]).toEqual(["starting", false]);
    reached();
    await started;
    expect([core.state, core.serving]).toEqual(["ready", true]);
  });

  it("starts once", async () => {
    const core = new EndpointCore(options());
    await core.start();
    await expect(core.start()).rejects.toMatchObject({ code: "endpoint_state" });
    expect(core.state, "the second start changed nothing").toBe("ready");
  });

  it("is over when the engine cannot start", async () => {
    const adapter = new FakeAdapter();
    const cause = new SimurghError("mesh_bind_failed", "no");
    adapter.starting = () => Promise.reject(cause);
    const core = new EndpointCore(options({ adapter }));
    await expect(core.start()).rejects.toBe(cause);
    expect([core.state, adapter.stops]).toEqual(["stopped", 1]);
  });

  it("is over when it is stopped during its start, and the start says so", async () => {
    const adapter = new FakeAdapter();
    let reached: () => void = () => {};
    adapter.starting = () =>
      new Promise((resolve) => {
        reached = resolve;
      });
    const clock = new FakeClock();
    const core = new EndpointCore(options({ adapter, clock }));
    const started = core.start();
    await core.stop();
    reached();
    await expect(started).rejects.toMatchObject({ code: "endpoint_state" });
    expect([core.state, clock.pending]).toEqual(["stopped", 0]);
  });

  it("stops once: the engine, its timers, and all connections with 1012", async () => {
    const node = await startNode(routes);
    const client = await node.connect();
    await client.join("room:1");
    await Promise.all([node.core.stop(), node.core.stop()]);
    expect(node.adapter.stops).toBe(1);
    expect(node.clock.pending).toBe(0);
    expect(client.sink.closing).toEqual({ code: 1012, reason: "stopped" });
    expect(node.core.counters).toMatchObject({ connections: 0, channels: 0 });
  });
});

describe("options that cannot work", () => {
  const refused: [string, Partial<EndpointCoreOptions>][] = [
    ["a name with a line break", { name: "n1\r\nx: y" }],
    ["a name of other letters", { name: "nœud@host" }],
    ["no name", { name: "" }],
    ["a path without a slash", { sockets: { socket: routes } }],
    ["no transport", { sockets: { "/s": { socket: routes, websocket: false } } }],
    ["nobody a second", { drain: { clientsPerSecond: 0 } }],
    ["half a millisecond", { drain: { noticeMs: 0.5 } }],
    ["a limit of nothing", { sockets: { "/s": { socket: routes, limits: { inboxMax: 0 } } } }],
    ["a limit that is no number", { sockets: { "/s": { socket: routes, limits: { queueBytesMax: NaN } } } }],
    ["no timeout", { sockets: { "/s": { socket: routes, websocket: { timeoutMs: 0 } } } }],
    [
      "frames larger than a text can be",
      { sockets: { "/s": { socket: routes, websocket: { frameBytesMax: 2 ** 30 } } } },
    ],
    ["an origin without a host", { sockets: { "/s": { socket: routes, checkOrigin: ["example.com"] } } }],
    ["no time to connect", { sockets: { "/s": { socket: routes, connectTimeoutMs: 0 } } }],
  ];

  it.each(refused)("are refused: %s", (_what, overrides) => {
    expect(() => new EndpointCore(options(overrides))).toThrow(
      expect.objectContaining({ code: "endpoint_config_invalid" }),
    );
  });

  it("are refused: a schema for an event that has no handler", () => {
    const payloads = { new_mgs: z.object({}) };
    expect(() => users.channel({ payloads, join: () => ok(), in: { new_msg: () => ok() } })).toThrow(
      expect.objectContaining({ code: "endpoint_config_invalid" }),
    );
  });

  it.each(["room:*:x", "*room", ""])("are refused: the topic pattern %j", (pattern) => {
    expect(() => users.routes({ [pattern]: room })).toThrow(
      expect.objectContaining({ code: "endpoint_config_invalid" }),
    );
  });
});

describe("a client that is silent", () => {
  it("is closed with 1002 when nothing came within the timeout, and counted", async () => {
    const node = await startNode(routes, { websocket: { timeoutMs: 8_000 } });
    const [silent, busy] = [await node.connect(), await node.connect()];
    for (let i = 0; i < 5; i++) {
      busy.sink.bytesReceived += 6;
      await node.clock.advance(2_000);
    }
    expect(silent.sink.closing).toEqual({ code: 1002, reason: "idle timeout" });
    expect(busy.sink.closing).toBeUndefined();
    expect(node.core.counters).toMatchObject({ idle_closes_total: 1, connections: 1 });
    await node.clock.advance(20_000);
    expect(busy.sink.closing?.code).toBe(1002);
    expect(node.core.counters.idle_closes_total).toBe(2);
  });

  it("is not closed before the timeout", async () => {
    const node = await startNode(routes, { websocket: { timeoutMs: 8_000 } });
    const client = await node.connect();
    await node.clock.advance(7_999);
    expect(client.sink.closing).toBeUndefined();
    await node.clock.advance(2_001);
    expect(client.sink.closing?.code).toBe(1002);
  });
});

describe("the socket's id", () => {
  const named = socket({ id: () => "user:1" });
  const namedRoom = named.channel({
    join: () => ok(),
    in: {
      logout: (ch) => {
        ch.broadcast("bye", {});
        return ok();
      },
    },
  });

  it("closes with 1001 on `disconnect`, from this node or another, and on nothing else", async () => {
    const node = await startNode(named.routes({ "room:*": namedRoom }));
    const [one, two] = [await node.connect(), await node.connect()];
    node.core.pubsub.broadcast("user:1", "hello", {});
    node.core.pubsub.broadcast("user:2", "disconnect", {});
    expect(one.sink.closing).toBeUndefined();
    node.core.pubsub.broadcast("user:1", "disconnect", {});
    for (const { sink } of [one, two]) expect(sink.closing).toEqual({ code: 1001, reason: "disconnect" });
    await turn();
    expect(node.core.pubsub.stats().topics).toBe(0);
  });

  it("may be what closes the connection of the handler that broadcasts to it", async () => {
    const node = await startNode(named.routes({ "room:*": namedRoom }));
    const client = await node.connect();
    await client.join("room:1");
    node.core.subscribe("room:1", () => node.core.pubsub.broadcast("user:1", "disconnect", {}));
    client.send(["1", "2", "room:1", "logout", {}]);
    expect(heads(await client.received()), "nothing follows the goodbye").toEqual(["null null room:1 bye"]);
    expect(client.sink.closing?.code).toBe(1001);
    expect(node.core.counters).toMatchObject({ connections: 0, channels: 0 });
  });

  it.each([[7], [{}], [true]])("that is %j refuses the connection", async (id) => {
    const broken = socket({ id: () => id as never });
    const node = await startNode(broken.routes({ "room:*": room }));
    expect(await node.mount.connect(handshake())).toMatchObject({ kind: "refused", answer: { status: 403 } });
  });
});
