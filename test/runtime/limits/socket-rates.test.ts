import { afterEach, describe, expect, it } from "vitest";
import type { SocketLimits } from "../../../src/runtime/mount.js";
import { ok, type Reply } from "../../../src/runtime/result.js";
import { socket } from "../../../src/runtime/socket-definition.js";
import { type FakeClient, type FakeNode, startNode } from "../../support/node.js";

let node: FakeNode;

async function connected(limits: Partial<SocketLimits>): Promise<FakeClient> {
  const users = socket();
  const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
  node = await startNode(users.routes({ "room:*": room }), { limits });
  const client = await node.connect();
  await client.join("room:1");
  return client;
}

afterEach(() => node.core.stop());

const ping = (ref: string | null) => ["1", ref, "room:1", "ping", {}] as const;
const refused = (ref: string, retryAfterMs: number, reason = "rate limited") => [
  "1",
  ref,
  "room:1",
  "phx_reply",
  { status: "error", response: { reason, retry_after_ms: retryAfterMs } },
];

describe("messages a second", () => {
  const limits = { messagesPerS: 10, messagesBurstMax: 3 };

  it("beyond the burst are answered an error that says when to try again", async () => {
    const client = await connected(limits);
    for (const ref of ["2", "3", "4"]) client.send(ping(ref));
    expect((await client.received())[2]).toEqual(refused("4", 100));
    await node.clock.advance(100);
    client.send(ping("5"));
    expect(await client.received()).toMatchObject([["1", "5", "room:1", "phx_reply", { status: "ok" }]]);
    expect(node.core.counters).toMatchObject({ limited_messages_total: 1, limit_closes_total: 0 });
  });

  it("without a ref are dropped and counted", async () => {
    const client = await connected(limits);
    for (let i = 0; i < 5; i++) client.send(ping(null));
    expect(await client.received()).toHaveLength(2);
    expect(node.core.counters).toMatchObject({ limited_messages_total: 3, dropped_messages_total: 3 });
  });

  it("count heartbeats, whose error reply keeps phoenix.js content", async () => {
    const client = await connected(limits);
    for (let i = 0; i < 4; i++) client.send([null, "h", "phoenix", "heartbeat", {}]);
    const answers = await client.received();
    expect(answers).toHaveLength(4);
    expect(answers[3]).toMatchObject([null, "h", "phoenix", "phx_reply", { status: "error" }]);
  });

  it("count a leave and let it pass", async () => {
    const client = await connected(limits);
    for (const ref of ["2", "3", "4"]) client.send(ping(ref));
    client.send(["1", "5", "room:1", "phx_leave", {}]);
    const answers = await client.received();
    expect(answers.slice(-2)).toMatchObject([
      ["1", "5", "room:1", "phx_reply", { status: "ok" }],
      ["1", "1", "room:1", "phx_close", {}],
    ]);
  });

  it("close with 1008 when the client goes on after too many refusals", async () => {
    const client = await connected({ ...limits, refusalsMax: 4 });
    for (let i = 0; i < 10; i++) client.send(ping(`${i}`));
    await client.received();
    expect(client.sink.closing).toEqual({ code: 1008, reason: "rate limited" });
    expect(node.core.counters).toMatchObject({ limited_messages_total: 5, limit_closes_total: 1 });
  });

  it("forgive refusals with time", async () => {
    const client = await connected({ ...limits, refusalsMax: 4 });
    for (let minute = 0; minute < 5; minute++) {
      for (let i = 0; i < 6; i++) client.send(ping(`${i}`));
      client.sink.bytesReceived++;
      await node.clock.advance(60_000);
    }
    expect(client.sink.closing).toBeUndefined();
    expect(node.core.counters.limited_messages_total).toBe(16);
  });

  it("are logged once in a while, with their number", async () => {
    const client = await connected({ ...limits, refusalsMax: 1_000 });
    for (let i = 0; i < 200; i++) client.send(ping(null));
    await node.clock.advance(10_000);
    for (let i = 0; i < 4; i++) client.send(ping(null));
    const lines = node.logger.lines.filter(({ message }) => message === "limit exceeded");
    expect(lines.map(({ fields }) => [fields.limit, fields.times])).toEqual([
      ["messagesPerS", 1],
      ["messagesPerS", 198],
    ]);
  });

  it("are held in order with what waits for a join, and refused at once", async () => {
    const users = socket();
    let open = (): void => {};
    const room = users.channel({
      join: () => new Promise<Reply>((resolve) => (open = () => resolve(ok()))),
      in: { ping: (_ch, payload) => ok(payload) },
    });
    node = await startNode(users.routes({ "room:*": room }), { limits });
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    for (const ref of ["2", "3", "4"]) client.send(ping(ref));
    expect(await client.received()).toEqual([refused("4", 100)]);
    open();
    expect((await client.received()).map((message) => (message as unknown[])[1])).toEqual(["1", "2", "3"]);
  });
});

describe("bytes a second", () => {
  it("beyond the burst are answered an error", async () => {
    const client = await connected({ bytesPerS: 1_000, bytesBurstMax: 1_000 });
    client.send(["1", "2", "room:1", "ping", { fill: "x".repeat(1_500) }]);
    client.send(ping("3"));
    const [large, refusal] = await client.received();
    expect(large).toMatchObject(["1", "2", "room:1", "phx_reply", { status: "ok" }]);
    expect(refusal).toMatchObject([
      "1",
      "3",
      "room:1",
      "phx_reply",
      { response: { reason: "rate limited" } },
    ]);
    expect(node.core.counters).toMatchObject({ limited_bytes_total: 1, limited_messages_total: 0 });
  });

  it("count binary messages, too", async () => {
    const client = await connected({ bytesPerS: 1_000, bytesBurstMax: 1_000 });
    const bytes = (fill: number) =>
      new Uint8Array([0, 1, 1, 6, 4, ...Buffer.from("12room:1ping"), ...new Uint8Array(fill)]);
    client.session.onBinary(bytes(2_000));
    client.session.onBinary(bytes(0));
    await client.received();
    expect(node.core.counters).toMatchObject({ messages_in_total: 3, limited_bytes_total: 1 });
  });
});

describe("joins a second", () => {
  it("beyond the burst are answered an error, and closed with 1008 in the end", async () => {
    const client = await connected({ joinsPerS: 2, joinsBurstMax: 3, refusalsMax: 5 });
    expect(await client.join("room:2")).toMatchObject([["1", "1", "room:2", "phx_reply", { status: "ok" }]]);
    await client.join("room:1");
    const [refusal] = await client.join("room:3");
    expect(refusal).toMatchObject([
      "1",
      "1",
      "room:3",
      "phx_reply",
      { response: { reason: "too many joins" } },
    ]);
    for (let i = 0; i < 10; i++) client.send(["1", "1", `room:${i}`, "phx_join", {}]);
    await client.received();
    expect(client.sink.closing?.code).toBe(1008);
    expect(node.core.counters.limited_joins_total).toBe(6);
  });
});

describe("what is sent to clients", () => {
  it("passes no bucket", async () => {
    const client = await connected({
      messagesPerS: 1,
      messagesBurstMax: 1,
      bytesPerS: 1,
      bytesBurstMax: 100,
    });
    for (let i = 0; i < 1_000; i++) node.core.pubsub.broadcast("room:1", "shout", { i });
    expect(await client.received()).toHaveLength(1_000);
  });
});

describe("limits", () => {
  it.each([
    [{ messagesPerS: 0 }],
    [{ messagesPerS: Number.NaN }],
    [{ bytesPerS: 1.5 }],
    [{ joinsPerS: -1 }],
    [{ refusalsMax: "9" as unknown as number }],
  ])("must be whole numbers of at least 1, or Infinity: not %j", async (limits) => {
    await expect(connected(limits)).rejects.toMatchObject({ code: "endpoint_config_invalid" });
  });

  it("are off with Infinity", async () => {
    const off = Number.POSITIVE_INFINITY;
    const bursts = { messagesBurstMax: 1, bytesBurstMax: 1, joinsBurstMax: 1 };
    const client = await connected({ ...bursts, messagesPerS: off, bytesPerS: off, joinsPerS: off });
    for (let i = 0; i < 1_000; i++) client.send('["1",null,"room:1","ping",{}]');
    await client.received();
    expect(node.core.counters).toMatchObject({ limited_messages_total: 0, messages_in_total: 1_001 });
  });
});
