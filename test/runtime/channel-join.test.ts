import { describe, expect, it } from "vitest";
import type { ChannelContext, TerminateReason } from "../../src/runtime/channel-types.js";
import type { SocketLimits } from "../../src/runtime/mount.js";
import { error, ok, type Reply } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { type FakeNode, heads, startNode, turn } from "../support/node.js";

type Context = ChannelContext<Record<never, never>, { readonly [event: string]: object }>;

/** Joins under way, and how to settle each. */
class Joins {
  readonly contexts: Context[] = [];
  readonly reasons: TerminateReason[] = [];
  readonly #settlers: { resolve: (reply: Reply) => void; reject: (cause: Error) => void }[] = [];
  readonly socket = socket({ id: () => "user:1" });
  readonly room = this.socket.channel({
    join: (ch): Promise<Reply> => {
      this.contexts.push(ch);
      return new Promise((resolve, reject) => this.#settlers.push({ resolve, reject }));
    },
    in: { ping: (_ch, payload) => ok(payload) },
    terminate: (_ch, reason) => void this.reasons.push(reason),
  });

  start(limits: Partial<SocketLimits> = {}): Promise<FakeNode> {
    return startNode(this.socket.routes({ "room:*": this.room }), { limits });
  }

  answer(index: number, reply: Reply = ok()): void {
    this.#settlers[index]?.resolve(reply);
  }

  fail(index: number): void {
    this.#settlers[index]?.reject(new Error("join failed"));
  }
}

function expectNoTopics(node: FakeNode, connections: number): void {
  expect(node.core.counters.channels).toBe(0);
  expect(node.core.pubsub.stats().topics, "only the sockets' own").toBe(connections > 0 ? 1 : 0);
}

describe("a join that awaits", () => {
  it("holds the messages that follow it, of any topic, and handles them in order after its reply", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send(["1", "2", "room:1", "ping", {}]);
    client.send([null, "3", "phoenix", "heartbeat", {}]);
    client.send(["1", "4", "room:1", "ping", {}]);
    expect(await client.received()).toEqual([]);
    joins.answer(0);
    expect(heads(await client.received())).toEqual([
      "1 1 room:1 phx_reply ok",
      "1 2 room:1 phx_reply ok",
      "null 3 phoenix phx_reply ok",
      "1 4 room:1 phx_reply ok",
    ]);
  });

  it("holds the joins that follow it, too: one is under way at a time", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    for (const n of ["1", "2", "3"]) client.send([n, n, `room:${n}`, "phx_join", {}]);
    client.send(["1", "4", "room:1", "ping", {}]);
    expect(joins.contexts).toHaveLength(1);
    joins.answer(0);
    await turn();
    expect(joins.contexts).toHaveLength(2);
    joins.answer(1, error({ reason: "full" }));
    await turn();
    joins.answer(2);
    expect(heads(await client.received())).toEqual([
      "1 1 room:1 phx_reply ok",
      "2 2 room:2 phx_reply error",
      "3 3 room:3 phx_reply ok",
      "1 4 room:1 phx_reply ok",
    ]);
  });

  it("pauses the transport when too many messages wait, and resumes it", async () => {
    const joins = new Joins();
    const node = await joins.start({ heldMessagesMax: 3 });
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    for (let i = 0; i < 2; i++) client.send(["1", "2", "room:1", "ping", {}]);
    expect(client.sink.paused).toBe(false);
    client.send(["1", "2", "room:1", "ping", {}]);
    expect(client.sink.paused).toBe(true);
    client.send(["1", "2", "room:1", "ping", {}]);
    joins.answer(0);
    expect(await client.received()).toHaveLength(5);
    expect(client.sink.paused).toBe(false);
  });

  it("pauses the transport when too many bytes wait, text or binary", async () => {
    const joins = new Joins();
    const node = await joins.start({ heldBytesMax: 1_000 });
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send(["1", "2", "room:1", "ping", "x".repeat(400)]);
    expect(client.sink.paused).toBe(false);
    client.session.onBinary(new Uint8Array(700).fill(9));
    expect(client.sink.paused).toBe(true);
    joins.answer(0);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_reply ok", "1 2 room:1 phx_reply ok"]);
    expect(client.sink.closing?.code, "the bytes are no message").toBe(1011);
  });

  it("stays paused while a held join awaits in its turn", async () => {
    const joins = new Joins();
    const node = await joins.start({ heldMessagesMax: 2 });
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send(["2", "2", "room:2", "phx_join", {}]);
    client.send(["1", "3", "room:1", "ping", {}]);
    expect(client.sink.paused).toBe(true);
    joins.answer(0);
    await turn();
    expect(client.sink.paused).toBe(true);
    joins.answer(1);
    expect(heads(await client.received()).at(-1)).toBe("1 3 room:1 phx_reply ok");
    expect(client.sink.paused).toBe(false);
  });

  it("ends what was held when a held frame breaks the protocol", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send("not JSON");
    client.send(["1", "2", "room:1", "ping", {}]);
    expect(client.sink.closing, "the fault comes in its turn").toBeUndefined();
    joins.answer(0);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_reply ok"]);
    expect(client.sink.closing?.code).toBe(1011);
    expect(joins.reasons).toEqual([{ kind: "closed" }]);
    expectNoTopics(node, 0);
  });

  it("that rejects is a crashed join, and what was held goes on", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send([null, "2", "phoenix", "heartbeat", {}]);
    joins.fail(0);
    expect(await client.received()).toMatchObject([
      ["1", "1", "room:1", "phx_reply", { status: "error", response: { reason: "join crashed" } }],
      [null, "2", "phoenix", "phx_reply", { status: "ok" }],
    ]);
    expect(joins.reasons, "it never was let in").toEqual([]);
    expectNoTopics(node, 1);
  });

  it("of a client that goes away meanwhile ends as closed when it would have been let in", async () => {
    for (const admitted of [true, false]) {
      const joins = new Joins();
      const node = await joins.start();
      const client = await node.connect();
      client.send(["1", "1", "room:1", "phx_join", {}]);
      client.send(["1", "2", "room:1", "ping", {}]);
      client.hangUp();
      joins.answer(0, admitted ? ok() : error());
      await turn();
      expect(joins.reasons).toEqual(admitted ? [{ kind: "closed" }] : []);
      expect(client.sink.writes).toEqual([]);
      expectNoTopics(node, 0);
    }
  });

  it("of a client that is told to go meanwhile lets it go: the transport reads on", async () => {
    const joins = new Joins();
    const node = await joins.start({ heldMessagesMax: 1 });
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send(["1", "2", "room:1", "ping", {}]);
    expect(client.sink.paused).toBe(true);
    node.core.pubsub.broadcast("user:1", "disconnect", {});
    expect(client.sink).toMatchObject({ paused: false, closing: { code: 1001 } });
    joins.answer(0);
    await turn();
    expect(joins.reasons).toEqual([{ kind: "closed" }]);
    expect(client.sink.writes).toEqual([]);
    expectNoTopics(node, 0);
  });
});

describe("a join of a topic that is joined already", () => {
  it("ends the old channel before it asks, answers, then closes the old one", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    joins.answer(0);
    await client.received();
    client.send(["2", "2", "room:1", "phx_join", {}]);
    expect(joins.reasons).toEqual([{ kind: "rejoined" }]);
    node.core.pubsub.broadcast("room:1", "between", {});
    joins.contexts[0]?.push("late", {});
    joins.answer(1);
    expect(heads(await client.received())).toEqual(["2 2 room:1 phx_reply ok", "1 1 room:1 phx_close"]);
    expect(node.core.counters.channels).toBe(1);
    node.core.pubsub.broadcast("room:1", "after", {});
    expect(heads(await client.received())).toEqual(["null null room:1 after"]);
  });

  it.each([
    ["refused", error({ reason: "no" })],
    ["crashed", undefined],
  ])("that is %s ends the old channel all the same", async (_how, answer) => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    joins.answer(0);
    await client.received();
    client.send(["2", "2", "room:1", "phx_join", {}]);
    if (answer === undefined) joins.fail(1);
    else joins.answer(1, answer);
    expect(heads(await client.received())).toEqual(["2 2 room:1 phx_reply error", "1 1 room:1 phx_close"]);
    client.send(["1", "3", "room:1", "ping", {}]);
    expect(heads(await client.received())).toEqual(["null 3 room:1 phx_reply error"]);
    expectNoTopics(node, 1);
  });

  it("and is being joined waits for that join", async () => {
    const joins = new Joins();
    const node = await joins.start();
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    client.send(["2", "2", "room:1", "phx_join", {}]);
    client.send(["3", "3", "room:1", "phx_join", {}]);
    expect(joins.contexts).toHaveLength(1);
    for (let i = 0; i < 3; i++) {
      joins.answer(i);
      await turn();
    }
    expect(heads(await client.received())).toEqual([
      "1 1 room:1 phx_reply ok",
      "2 2 room:1 phx_reply ok",
      "1 1 room:1 phx_close",
      "3 3 room:1 phx_reply ok",
      "2 2 room:1 phx_close",
    ]);
    expect(joins.reasons).toEqual([{ kind: "rejoined" }, { kind: "rejoined" }]);
    expect(node.core.counters.channels).toBe(1);
  });
});
