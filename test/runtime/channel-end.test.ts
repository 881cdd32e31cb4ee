import { describe, expect, it } from "vitest";
import type { ChannelContext, TerminateReason } from "../../src/runtime/channel-types.js";
import { type HandlerResult, ok, stop } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import { type FakeClient, type FakeNode, heads, startNode, turn } from "../support/node.js";

type Context = ChannelContext<Record<never, never>, { readonly [event: string]: object }>;

interface Scene {
  readonly node: FakeNode;
  readonly client: FakeClient;
  readonly reasons: TerminateReason[];
}

/** A joined client of a channel whose handler `go` is the test's. */
async function scene(
  go: (ch: Context) => HandlerResult | Promise<HandlerResult>,
  terminate: (ch: Context) => void | Promise<void> = () => {},
): Promise<Scene> {
  const reasons: TerminateReason[] = [];
  const users = socket();
  const room = users.channel({
    join: () => ok(),
    in: { go: (ch) => go(ch), ping: () => ok() },
    terminate: (ch, reason) => {
      reasons.push(reason);
      return terminate(ch);
    },
  });
  const node = await startNode(users.routes({ "room:*": room }));
  const client = await node.connect();
  await client.join("room:1");
  return { node, client, reasons };
}

const pushLast = (ch: Context): void => ch.push("last", {});

function expectNothingLeft({ node }: Scene): void {
  expect(node.core.counters.channels).toBe(0);
  expect(node.core.pubsub.stats().topics).toBe(0);
  expect(node.adapter.subscribed.size).toBe(0);
}

describe("a channel whose handler throws", () => {
  const boom = new Error("boom");

  it.each([
    ["throws", () => void throwBoom()],
    ["rejects", () => Promise.reject(boom)],
  ])("ends when it %s: what terminate pushes, then phx_error; the connection lives on", async (_how, go) => {
    const all = await scene(go, pushLast);
    const { node, client, reasons } = all;
    client.send(["1", "2", "room:1", "go", {}]);
    expect(await client.received()).toEqual([
      ["1", null, "room:1", "last", {}],
      ["1", "1", "room:1", "phx_error", { reason: "channel_crash" }],
    ]);
    expect(reasons).toEqual([{ kind: "crashed", error: boom }]);
    expect(node.core.counters.channel_crashes_total).toBe(1);
    expect(node.logger.at("error")).toEqual(["channel crashed"]);
    expectNothingLeft(all);
    expect(heads(await client.join("room:1", "9"))).toEqual(["9 9 room:1 phx_reply ok"]);
  });

  function throwBoom(): never {
    throw boom;
  }

  it("takes no other channel with it", async () => {
    const { node, client } = await scene(throwBoom);
    const other = await node.connect();
    await other.join("room:1");
    await client.join("room:2", "2");
    client.send(["1", "3", "room:1", "go", {}]);
    await client.received();
    client.send(["2", "4", "room:2", "ping", {}]);
    other.send(["1", "2", "room:1", "ping", {}]);
    expect(heads(await client.received())).toEqual(["2 4 room:2 phx_reply ok"]);
    expect(heads(await other.received())).toEqual(["1 2 room:1 phx_reply ok"]);
  });

  it.each([
    ["no result of ours", () => 5 as never],
    ["null", () => null as never],
    ["a reply that is no JSON", () => ok({ big: 1n as unknown })],
  ])("counts %s as a throw", async (_what, go) => {
    const { client } = await scene(go);
    client.send(["1", "2", "room:1", "go", {}]);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_error"]);
  });

  it.each(["nobody", "__proto__", "constructor", 7, null, ["ping"], { toString: 1 }])(
    "counts an event %j that nobody handles as one",
    async (event) => {
      const { client, reasons } = await scene(() => {});
      client.send(["1", "2", "room:1", event, {}]);
      expect(heads(await client.received())).toEqual(["1 1 room:1 phx_error"]);
      expect(reasons).toMatchObject([{ kind: "crashed" }]);
    },
  );

  it("after its end is still reported", async () => {
    let fail: (cause: Error) => void = () => {};
    const slow = new Promise<void>((_resolve, reject) => {
      fail = reject;
    });
    const { node, client, reasons } = await scene(() => slow);
    client.send(["1", "2", "room:1", "go", {}]);
    client.hangUp();
    fail(boom);
    await turn();
    expect(node.logger.at("error")).toEqual(["channel crashed"]);
    expect(reasons).toEqual([{ kind: "crashed", error: boom }]);
  });
});

describe("a channel that stops", () => {
  it.each([
    ["normal", ["1 2 room:1 phx_reply ok", "1 1 room:1 phx_close", "1 null room:1 last"]],
    ["shutdown", ["1 2 room:1 phx_reply ok", "1 1 room:1 phx_close", "1 null room:1 last"]],
    ["tired", ["1 2 room:1 phx_reply ok", "1 null room:1 last", "1 1 room:1 phx_error"]],
  ])("with a reply, for reason %s, replies first", async (reason, expected) => {
    const all = await scene(() => stop(reason, ok()), pushLast);
    all.client.send(["1", "2", "room:1", "go", {}]);
    expect(heads(await all.client.received())).toEqual(expected);
    expect(all.reasons).toEqual([{ kind: "stopped", reason }]);
    expectNothingLeft(all);
  });

  it("without a reply only says that it is over", async () => {
    const { client } = await scene(() => stop());
    client.send(["1", "2", "room:1", "go", {}]);
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_close"]);
  });

  it("from outside of a callback ends at once, and only once", async () => {
    let context: Context | undefined;
    const all = await scene((ch) => {
      context = ch;
    });
    all.client.send(["1", "2", "room:1", "go", {}]);
    await all.client.received();
    context?.stop();
    context?.stop("again");
    context?.push("late", {});
    expect(heads(await all.client.received())).toEqual(["1 1 room:1 phx_close"]);
    expect(all.reasons).toEqual([{ kind: "stopped", reason: "normal" }]);
    expectNothingLeft(all);
  });

  it("while a handler awaits is over for the client at once, and terminates after the handler", async () => {
    let context: Context | undefined;
    let finish: () => void = () => {};
    const all = await scene(async (ch) => {
      context = ch;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return ok();
    });
    all.client.send(["1", "2", "room:1", "go", {}]);
    all.client.send(["1", "3", "room:1", "ping", {}]);
    context?.stop("expired");
    expect(heads(await all.client.received())).toEqual(["1 1 room:1 phx_error"]);
    expect(all.reasons).toEqual([]);
    expectNothingLeft(all);
    finish();
    expect(await all.client.received(), "neither its reply nor what waited behind it").toEqual([]);
    expect(all.reasons).toEqual([{ kind: "stopped", reason: "expired" }]);
  });
});

describe("a client that leaves", () => {
  it("gets the reply, phx_close, and then what terminate pushes", async () => {
    const all = await scene(() => {}, pushLast);
    all.client.send(["1", "2", "room:1", "phx_leave", {}]);
    expect(heads(await all.client.received())).toEqual([
      "1 2 room:1 phx_reply ok",
      "1 1 room:1 phx_close",
      "1 null room:1 last",
    ]);
    expect(all.reasons).toEqual([{ kind: "left" }]);
    expectNothingLeft(all);
  });

  it("leaves after what it sent before", async () => {
    let finish: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { client, reasons } = await scene(() => slow.then(() => ok()));
    client.send(["1", "2", "room:1", "go", {}]);
    client.send(["1", "3", "room:1", "ping", {}]);
    client.send(["1", "4", "room:1", "phx_leave", {}]);
    client.send(["1", "5", "room:1", "ping", {}]);
    expect(reasons).toEqual([]);
    finish();
    expect(heads(await client.received())).toEqual([
      "1 2 room:1 phx_reply ok",
      "1 3 room:1 phx_reply ok",
      "1 4 room:1 phx_reply ok",
      "1 1 room:1 phx_close",
    ]);
  });
});

describe("a lost connection", () => {
  it("ends the channels, once, and nothing is sent", async () => {
    const all = await scene(() => {}, pushLast);
    await all.client.join("room:2", "2");
    all.client.hangUp();
    all.client.hangUp();
    await turn();
    expect(all.reasons).toEqual([{ kind: "closed" }, { kind: "closed" }]);
    expect(all.client.sink.writes).toEqual([]);
    expect(all.node.core.counters.connections).toBe(0);
    expect(all.node.mount.sessions.size).toBe(0);
    expectNothingLeft(all);
  });

  it("loses nothing that was received before: it is handled, then terminate runs", async () => {
    const log: unknown[] = [];
    let finish: () => void = () => {};
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      in: {
        save: async (ch, payload) => {
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          ch.push("saved", {});
          log.push(payload);
        },
        stop: () => stop("normal"),
      },
      terminate: (_ch, { kind }) => void log.push(kind),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "save", "first"]);
    client.send(["1", "3", "room:1", "save", "second"]);
    client.hangUp();
    expect(node.core.counters.channels).toBe(0);
    for (let i = 0; i < 2; i++) {
      expect(log).not.toContain("closed");
      finish();
      await turn();
    }
    expect(log).toEqual(["first", "second", "closed"]);
    expect(client.sink.writes).toEqual([]);
  });

  it("is the same when the server closes: the channels end, however long the client takes to go", async () => {
    const all = await scene(() => {});
    all.client.session.close(1012, "draining");
    await turn();
    expect(all.reasons).toEqual([{ kind: "closed" }]);
    all.client.send(["1", "2", "room:1", "ping", {}]);
    all.client.send("not JSON");
    all.client.hangUp();
    expect(await all.client.received()).toEqual([]);
    expect(all.reasons).toHaveLength(1);
    expect(all.node.core.counters).toMatchObject({ connections: 0, channels: 0, protocol_faults_total: 0 });
  });
});

describe("terminate", () => {
  it("that throws or rejects is reported and changes nothing", async () => {
    for (const fail of [
      () => {
        throw new Error("sync");
      },
      () => Promise.reject(new Error("async")),
    ]) {
      const all = await scene(() => {}, fail);
      all.client.send(["1", "2", "room:1", "phx_leave", {}]);
      expect(heads(await all.client.received())).toHaveLength(2);
      expect(all.node.logger.at("error")).toEqual(["terminate crashed"]);
      expectNothingLeft(all);
    }
  });

  it("may await, and may push until it is done", async () => {
    let context: Context | undefined;
    const all = await scene(
      () => {},
      async (ch) => {
        context = ch;
        await turn();
        ch.push("late", {});
      },
    );
    all.client.send(["1", "2", "room:1", "phx_leave", {}]);
    await turn();
    await turn();
    await turn();
    context?.push("too late", {});
    expect(heads(await all.client.received()).slice(2)).toEqual(["1 null room:1 late"]);
  });

  it("may broadcast to those who stay", async () => {
    const all = await scene(
      () => {},
      (ch) => ch.broadcast("gone", {}),
    );
    const other = await all.node.connect();
    await other.join("room:1");
    all.client.hangUp();
    expect(heads(await other.received())).toEqual(["null null room:1 gone"]);
  });
});
