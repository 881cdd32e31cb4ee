import { describe, expect, it } from "vitest";
import { ok } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { heads, startNode, turn } from "../support/node.js";

const users = socket();
const room = users.channel({
  join: (ch, params) => (ch.topic === "room:echo" ? ok(params) : ok()),
  in: {
    ping: (_ch, payload) => ok(payload),
    pushBytes: (ch) => ch.push("bytes", Uint8Array.of(1)),
    replyBytes: () => ok(Uint8Array.of(1)),
  },
});
const routes = users.routes({ "room:*": room });

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

describe("what cannot be read or written back", () => {
  it.each([
    ["a topic", `["1","2",${nested(200_000)},"ping",{}]`],
    ["the ref of a heartbeat", `[null,${nested(200_000)},"phoenix","heartbeat",{}]`],
    ["the ref of a join", `["1",${nested(200_000)},"room:2","phx_join",{}]`],
    ["the join_ref of a join", `[${nested(200_000)},"2","room:2","phx_join",{}]`],
  ])("nested too deep in %s closes this connection with 1011", async (_where, text) => {
    const node = await startNode(routes);
    const [bad, witness] = [await node.connect(), await node.connect()];
    await witness.join("room:1");
    bad.send(text);
    await turn();
    expect(bad.sink.closing?.code).toBe(1011);
    expect(node.core.counters).toMatchObject({ protocol_faults_total: 1, connections: 1, channels: 1 });
    witness.send(["1", "2", "room:1", "ping", {}]);
    expect(heads(await witness.received())).toEqual(["1 2 room:1 phx_reply ok"]);
  });

  it.each([
    ["a payload that is echoed", `["1","2","room:1","ping",${nested(200_000)}]`],
    ["the ref of an event", `["1",${nested(200_000)},"room:1","ping",{}]`],
    ["the ref of a leave", `["1",${nested(200_000)},"room:1","phx_leave",{}]`],
    ["the name of an event", `["1","2","room:1",${nested(200_000)},{}]`],
  ])("nested too deep in %s ends its channel alone", async (_where, text) => {
    const node = await startNode(routes);
    const client = await node.connect();
    await client.join("room:1");
    await client.join("room:2", "2");
    client.send(text);
    client.send(["2", "3", "room:2", "ping", {}]);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_error", "2 3 room:2 phx_reply ok"]);
    expect(node.core.counters.channel_crashes_total).toBe(1);
  });

  it("also when the join that has it awaits", async () => {
    const slow = users.channel({ join: () => Promise.resolve(ok()) });
    const node = await startNode(users.routes({ "slow:*": slow }));
    const client = await node.connect();
    client.send(`["1",${nested(200_000)},"slow:1","phx_join",{}]`);
    await turn();
    expect(client.sink.closing?.code).toBe(1011);
    expect(node.core.counters).toMatchObject({ connections: 0, channels: 0 });
    expect(node.core.pubsub.stats().topics).toBe(0);
  });

  it("is everything that comes after a fault: the connection hears nothing more", async () => {
    const node = await startNode(routes);
    const client = await node.connect();
    await client.join("room:1");
    client.send("{");
    client.send(["1", "2", "room:1", "ping", {}]);
    client.send("{");
    expect(await client.received()).toEqual([]);
    expect(node.core.counters).toMatchObject({ protocol_faults_total: 1, messages_in_total: 2 });
  });
});

describe("the names of channels", () => {
  it("are bounded, and the refusal says which", async () => {
    const node = await startNode(routes, { limits: { nameLengthMax: 20 } });
    const client = await node.connect();
    const long = `room:${"x".repeat(16)}`;
    client.send(["1", "1", long, "phx_join", {}]);
    client.send(["r".repeat(21), "2", "room:2", "phx_join", {}]);
    client.send([{ a: "r".repeat(21) }, "3", "room:3", "phx_join", {}]);
    client.send(["r".repeat(20), "4", `room:${"x".repeat(15)}`, "phx_join", {}]);
    const responses = (await client.received()).map((message) => {
      const { status, response } = (message as [0, 0, 0, 0, { status: string; response: object }])[4];
      return [status, response];
    });
    expect(responses).toEqual([
      ["error", { reason: "topic too long" }],
      ["error", { reason: "join_ref too long" }],
      ["error", { reason: "join_ref too long" }],
      ["ok", {}],
    ]);
  });

  it("are no halves of surrogate pairs, which other nodes could not be told of", async () => {
    const node = await startNode(routes);
    const client = await node.connect();
    client.send('["1","1","room:\\ud800","phx_join",{}]');
    client.send('["2","2","room:\\ud83d\\ude00","phx_join",{}]');
    expect(heads(await client.received())).toEqual([
      "null 1 room:\ud800 phx_reply error",
      "2 2 room:\u{1f600} phx_reply ok",
    ]);
  });

  it("are limited in number; a topic that is joined may be joined again", async () => {
    const node = await startNode(routes, { limits: { channelsMax: 2 } });
    const client = await node.connect();
    for (const n of ["1", "2", "3"]) client.send([n, n, `room:${n}`, "phx_join", {}]);
    client.send(["4", "4", "room:1", "phx_join", {}]);
    client.send(["2", "5", "room:2", "phx_leave", {}]);
    client.send(["6", "6", "room:3", "phx_join", {}]);
    expect(heads(await client.received())).toEqual([
      "1 1 room:1 phx_reply ok",
      "2 2 room:2 phx_reply ok",
      "3 3 room:3 phx_reply error",
      "4 4 room:1 phx_reply ok",
      "1 1 room:1 phx_close",
      "2 5 room:2 phx_reply ok",
      "2 2 room:2 phx_close",
      "6 6 room:3 phx_reply ok",
    ]);
    expect(node.core.counters.channels).toBe(2);
  });
});

describe("a reader who is too slow", () => {
  it("is closed with 1013 and counted; the others get everything", async () => {
    const node = await startNode(routes, { limits: { queueBytesMax: 10_000 } });
    const [slow, quick] = [await node.connect(), await node.connect()];
    for (const client of [slow, quick]) await client.join("room:1");
    slow.sink.full = true;
    for (let i = 0; i < 100; i++) {
      node.core.pubsub.broadcast("room:1", `e${i}`, { fill: "x".repeat(1_000) });
      await turn();
    }
    await turn();
    expect(slow.sink.closing).toEqual({ code: 1013, reason: "too slow" });
    expect(slow.sink.frames.length).toBeLessThan(12);
    expect(heads(quick.sink.messages)).toEqual(
      Array.from({ length: 100 }, (_, i) => `null null room:1 e${i}`),
    );
    expect(node.core.counters).toMatchObject({ slow_readers_total: 1, connections: 1, channels: 1 });
    slow.sink.empty(slow.session);
    await turn();
    expect(slow.sink.frames.length).toBeLessThan(12);
  });

  it("may be closed in the middle of a broadcast to others, whose handlers broadcast in their turn", async () => {
    const left: string[] = [];
    const noisy = users.channel({
      join: () => ok(),
      terminate: (ch) => ch.broadcast("left", {}),
    });
    const node = await startNode(users.routes({ "room:*": noisy }), { limits: { queueBytesMax: 100 } });
    const slow = [await node.connect(), await node.connect()];
    const quick = await node.connect();
    for (const client of [...slow, quick]) await client.join("room:1");
    for (const { sink } of slow) sink.full = true;
    node.core.subscribe("room:1", ({ event }) => void left.push(event));
    for (let i = 0; i < 3; i++) {
      node.core.pubsub.broadcast("room:1", `e${i}`, { fill: "x".repeat(80) });
      await turn();
    }
    await turn();
    expect(slow.map(({ sink }) => sink.closing?.code)).toEqual([1013, 1013]);
    const events = heads(quick.sink.messages).map((head) => head.split(" ")[3]);
    expect(events).toEqual(left);
    expect(events.filter((event) => event !== "left")).toEqual(["e0", "e1", "e2"]);
    expect(events.filter((event) => event === "left")).toHaveLength(2);
  });
});

describe("bytes for a client of V1, which has none", () => {
  it("are left out of broadcasts and counted, and crash the channel that pushes them", async () => {
    const node = await startNode(routes);
    const v1 = await node.connect({ target: "/socket/websocket" });
    const v2 = await node.connect();
    v1.send({ topic: "room:1", event: "phx_join", payload: {}, ref: "1" });
    await v2.join("room:1");
    await v1.received();
    node.core.pubsub.broadcast("room:1", "bytes", Uint8Array.of(1));
    node.core.pubsub.broadcast("room:1", "text", {});
    expect(await v1.received()).toMatchObject([{ event: "text", ref: null }]);
    await turn();
    expect(v2.sink.frames.map((frame) => typeof frame)).toEqual(["object", "string"]);
    expect(node.core.counters.undeliverable_total).toBe(1);
    for (const event of ["pushBytes", "replyBytes"]) {
      v1.send({ topic: "room:2", event: "phx_join", payload: {}, ref: "2" });
      v1.send({ topic: "room:2", event, payload: {}, ref: "3" });
      expect((await v1.received()).at(-1)).toMatchObject({ event: "phx_error" });
    }
  });

  it("close its connection when it sends them itself", async () => {
    const node = await startNode(routes);
    const v1 = await node.connect({ target: "/socket/websocket" });
    v1.session.onBinary(Uint8Array.of(0, 0, 0, 0, 0));
    expect(v1.sink.closing?.code).toBe(1011);
  });
});
