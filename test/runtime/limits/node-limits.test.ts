import { afterEach, describe, expect, it } from "vitest";
import type { Handshake } from "../../../src/runtime/connect-request.js";
import type { GuardOptions } from "../../../src/runtime/limits/node-guards.js";
import { ok, type Reply } from "../../../src/runtime/result.js";
import { accept, type SocketRoutes, socket } from "../../../src/runtime/socket-definition.js";
import { FakeSink } from "../../support/fake-sink.js";
import { type FakeNode, handshake, heads, startNode, turn } from "../../support/node.js";

let node: FakeNode;

async function start(routes: SocketRoutes, guards: Partial<GuardOptions>): Promise<FakeNode> {
  const none = { limits: undefined, admission: undefined, trustedProxies: undefined };
  node = await startNode(routes, { guards: { ...none, ...guards } });
  return node;
}

afterEach(() => node.core.stop());

/** Connects as somebody; the status of the answer when that is refused. */
async function connect(overrides: Partial<Handshake>): Promise<number | (() => void)> {
  const decision = await node.mount.connect(handshake(overrides));
  if (decision.kind === "refused") return decision.answer.status;
  const session = node.mount.open(decision, "websocket", new FakeSink());
  return () => session.onClose();
}

const byName = socket({
  connect: ({ params }) => accept({ name: String(params.name), tenant: params.tenant }),
  id: ({ assigns }) => `user:${assigns.name}`,
});
const as = (name: string) => ({ target: `/socket/websocket?vsn=2.0.0&name=${name}` });

describe("sockets of a user", () => {
  it("are counted by the socket's id, and refused with 429 beyond the limit", async () => {
    await start(byName.routes({}), { limits: { socketsPerUserMax: 2 } });
    const leave = await connect(as("ann"));
    expect(await connect(as("ann"))).toBeTypeOf("function");
    expect(await connect(as("ann"))).toBe(429);
    expect(await connect(as("bob"))).toBeTypeOf("function");
    if (typeof leave === "function") leave();
    expect(await connect(as("ann"))).toBeTypeOf("function");
    expect(node.core.counters.refused_user_sockets_total).toBe(1);
    expect(node.logger.lines.map(({ fields }) => fields.user)).toContain("user:ann");
  });

  it("are counted by whom `user` names instead, and not at all where it names nobody", async () => {
    const byTenant = socket({
      connect: ({ params }) => accept({ tenant: params.tenant }),
      id: () => "everybody",
      user: ({ assigns }) => (assigns.tenant === undefined ? null : String(assigns.tenant)),
    });
    await start(byTenant.routes({}), { limits: { socketsPerUserMax: 1 } });
    const of = (tenant: string) => ({ target: `/socket/websocket?vsn=2.0.0${tenant}` });
    expect(await connect(of("&tenant=1"))).toBeTypeOf("function");
    expect(await connect(of("&tenant=1"))).toBe(429);
    for (let i = 0; i < 3; i++) expect(await connect(of(""))).toBeTypeOf("function");
  });

  it("are closed with 1008 where others took the last place while they were opened", async () => {
    await start(byName.routes({}), { limits: { socketsPerUserMax: 1 } });
    const decisions = [];
    for (let i = 0; i < 2; i++) decisions.push(await node.mount.connect(handshake(as("ann"))));
    const sinks = decisions.map((decision) => {
      if (decision.kind === "refused") throw new Error("both were decided before either opened");
      const sink = new FakeSink();
      node.mount.open(decision, "websocket", sink);
      return sink;
    });
    expect(sinks.map(({ closing }) => closing?.code)).toEqual([undefined, 1008]);
    await turn();
    expect(await connect(as("ann"))).toBe(429);
    expect(node.core.counters.connections).toBe(1);
  });
});

describe("sockets of an address", () => {
  const from = (address: string, forwardedFor?: string) => ({
    peer: { address, port: 1 },
    headers: { host: "app.example", ...(forwardedFor && { "x-forwarded-for": forwardedFor }) },
  });

  it("are refused with 429 beyond the limit, before `connect` is asked", async () => {
    let asked = 0;
    const users = socket({ connect: () => accept({ asked: ++asked }) });
    await start(users.routes({}), { limits: { socketsPerAddressMax: 1 }, trustedProxies: [] });
    expect(await connect(from("192.0.2.1"))).toBeTypeOf("function");
    expect(await connect(from("192.0.2.1", "203.0.113.1"))).toBe(429);
    expect(await connect(from("192.0.2.2"))).toBeTypeOf("function");
    expect(asked).toBe(2);
    expect(node.core.counters.refused_address_sockets_total).toBe(1);
  });

  it("are those of the client behind a trusted proxy", async () => {
    await start(socket().routes({}), { limits: { socketsPerAddressMax: 1 }, trustedProxies: ["10.0.0.0/8"] });
    expect(await connect(from("10.0.0.1", "203.0.113.1"))).toBeTypeOf("function");
    expect(await connect(from("10.0.0.2", "203.0.113.1"))).toBe(429);
    expect(await connect(from("10.0.0.1", "203.0.113.2"))).toBeTypeOf("function");
    expect(await connect(from("10.0.0.1", "1.1.1.1, 203.0.113.1"))).toBe(429);
  });

  it("are those of a whole /64 in IPv6", async () => {
    await start(socket().routes({}), { limits: { socketsPerAddressMax: 1 }, trustedProxies: [] });
    expect(await connect(from("2001:db8::1"))).toBeTypeOf("function");
    expect(await connect(from("2001:db8::2"))).toBe(429);
    expect(await connect(from("2001:db8:0:1::1"))).toBeTypeOf("function");
  });

  it("are not even looked at where the proxies are not known", async () => {
    await start(socket().routes({}), { limits: { socketsPerAddressMax: 1 } });
    const blind = {
      ...handshake(),
      get peer(): never {
        throw new Error("looked at");
      },
    };
    for (let i = 0; i < 3; i++) expect((await node.mount.connect(blind)).kind).toBe("accepted");
  });
});

describe("joins of a node", () => {
  it("wait for those under way, the oldest first, and are refused when that takes too long", async () => {
    const opens: (() => void)[] = [];
    const users = socket();
    const room = users.channel({
      join: () => new Promise<Reply>((resolve) => opens.push(() => resolve(ok()))),
    });
    await start(users.routes({ "room:*": room }), { limits: { joinsMax: 2, joinWaitMs: 1_000 } });
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => node.connect()));
    for (const [i, client] of clients.entries()) client.send(["1", "1", `room:${i}`, "phx_join", {}]);
    expect(opens).toHaveLength(2);
    opens[0]?.();
    await turn();
    expect(opens).toHaveLength(3);
    await node.clock.advance(1_000);
    const received = await Promise.all(clients.map((client) => client.received()));
    const late = { status: "error", response: { reason: "too many joins", retry_after_ms: 1_000 } };
    expect(heads(received[0] ?? [])).toEqual(["1 1 room:0 phx_reply ok"]);
    expect(received.slice(1, 3)).toEqual([[], []]);
    expect(received[3]).toMatchObject([["1", "1", "room:3", "phx_reply", late]]);
    expect(received[4]).toMatchObject([["1", "1", "room:4", "phx_reply", late]]);
    expect(node.core.counters).toMatchObject({ queued_joins_total: 3, expired_joins_total: 2 });
    for (const open of opens) open();
    await turn();
    clients[3]?.send(["2", "2", "room:3", "phx_join", {}]);
    await turn();
    expect(opens).toHaveLength(4);
  });

  it("wait for their second", async () => {
    const users = socket();
    const room = users.channel({ join: () => ok() });
    await start(users.routes({ "room:*": room }), { limits: { joinsPerS: 2 } });
    const clients = await Promise.all([1, 2, 3, 4, 5].map(() => node.connect()));
    for (const client of clients) client.send(["1", "1", "room:1", "phx_join", {}]);
    const joined = [node.core.counters.joins_total];
    for (let i = 0; i < 3; i++) {
      await node.clock.advance(500, turn);
      joined.push(node.core.counters.joins_total);
    }
    expect(joined).toEqual([2, 3, 4, 5]);
  });

  it("leave no place taken, whatever becomes of them", async () => {
    const users = socket();
    const room = users.channel({
      join: async (ch) => {
        if (ch.topic === "room:throw") throw new Error("no");
        return ok();
      },
    });
    await start(users.routes({ "room:*": room }), { limits: { joinsMax: 1 } });
    const deep = `${"[".repeat(9_000)}${"]".repeat(9_000)}`;
    for (let i = 0; i < 3; i++) {
      const gone = await node.connect();
      gone.send(["1", "1", "room:gone", "phx_join", {}]);
      const waiting = await node.connect();
      waiting.send(["1", "1", "room:waits", "phx_join", {}]);
      waiting.hangUp();
      gone.hangUp();
      (await node.connect()).send(["1", "1", "room:throw", "phx_join", {}]);
      (await node.connect()).send(`["1",${deep},"room:1","phx_join",{}]`);
      await turn();
      await turn();
    }
    const last = await node.connect();
    expect(heads(await last.join("room:1"))).toEqual(["1 1 room:1 phx_reply ok"]);
  });
});

describe("limits of a node", () => {
  it.each([
    [{ limits: { handshakesMax: 0 } }],
    [{ limits: { headersTimeoutMs: Number.POSITIVE_INFINITY } }],
    [{ limits: { headersTimeoutMs: 20_000, requestTimeoutMs: 10_000 } }],
    [{ limits: { hanshakesMax: 1 } as object }],
    [{ trustedProxies: ["10.0.0.0/40"] }],
    [{ trustedProxies: ["balancer.example"] }],
  ])("that cannot work are refused: %j", async (guards) => {
    await expect(start(socket().routes({}), guards)).rejects.toMatchObject({
      code: "endpoint_config_invalid",
    });
  });
});
