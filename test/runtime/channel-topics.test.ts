import { describe, expect, it } from "vitest";
import type { ChannelContext, SocketRef } from "../../src/runtime/channel-types.js";
import { error, ok, reply } from "../../src/runtime/result.js";
import { accept, route, socket } from "../../src/runtime/socket-definition.js";
import { heads, startNode, turn } from "../support/node.js";

const users = socket();

describe("a broadcast", () => {
  it("reaches all clients before anything that a handler makes of it", async () => {
    const room = users.channel({ join: () => ok() });
    const node = await startNode(users.routes({ "room:*": room }));
    const first = await node.connect();
    await first.join("room:1");
    node.core.subscribe("room:1", ({ event }) => {
      if (event === "a") node.core.pubsub.broadcast("room:1", "b", {});
    });
    const last = await node.connect();
    await last.join("room:1");
    node.core.pubsub.broadcast("room:1", "a", {});
    for (const client of [first, last]) {
      expect(heads(await client.received())).toEqual(["null null room:1 a", "null null room:1 b"]);
    }
  });

  it("that is intercepted reaches all in the order of the broadcasts, also when handlers broadcast", async () => {
    const room = users.channel({
      join: () => ok(),
      in: { go: (ch) => ch.broadcast("a", {}) },
      out: {
        a: (ch, payload) => {
          ch.push("a", payload);
          ch.broadcast("b", {});
        },
        b: (ch, payload) => ch.push("b", payload),
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const clients = [await node.connect(), await node.connect(), await node.connect()];
    for (const client of clients) await client.join("room:1");
    clients[1]?.send(["1", "2", "room:1", "go", {}]);
    for (const client of clients) {
      const events = heads(await client.received()).map((head) => head.split(" ")[3]);
      expect(events).toEqual(["a", "b", "b", "b"]);
    }
  });

  it("reaches those who are subscribed when it is sent: who joins or leaves by it changes nothing", async () => {
    const heard: string[] = [];
    const room = users.channel({
      join: (ch) => {
        ch.subscribe("news");
        return ok();
      },
      info: (ch, message) => {
        heard.push((message as { event: string }).event);
        ch.unsubscribe("news");
        ch.subscribe("news");
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    for (const event of ["one", "two"]) node.core.pubsub.broadcast("news", event, {});
    await turn();
    expect(heard).toEqual(["one", "two"]);
  });

  it("is not told to a function that unsubscribed by it", async () => {
    const node = await startNode(users.routes({}));
    const heard: string[] = [];
    const ends: (() => void)[] = [];
    for (const name of ["first", "second"]) {
      const end = node.core.subscribe("news", ({ event }) => {
        heard.push(`${name} ${event}`);
        for (const one of ends) one();
      });
      ends.push(end);
    }
    node.core.pubsub.broadcast("news", "one", {});
    expect(heard).toEqual(["first one"]);
    expect(node.core.pubsub.stats().topics).toBe(0);
  });

  it("from a channel reaches all its other clients, and not its own by any way", async () => {
    const room = users.channel({
      join: (ch) => {
        ch.subscribe("room:1");
        return ok();
      },
      in: { go: (ch) => ch.broadcastFrom("note", {}) },
      out: { note: (ch) => ch.push("intercepted", {}) },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const [sender, other] = [await node.connect(), await node.connect()];
    await sender.join("room:1");
    await other.join("room:1");
    sender.send(["1", "2", "room:1", "go", {}]);
    expect(await sender.received()).toEqual([]);
    expect(heads(await other.received())).toEqual(["1 null room:1 intercepted", "1 null room:1 intercepted"]);
  });

  it("before join has returned is refused, and crashes the join", async () => {
    for (const call of ["push", "broadcast", "broadcastFrom"] as const) {
      const room = users.channel({
        join: (ch) => {
          ch[call]("early", {});
          return ok();
        },
      });
      const node = await startNode(users.routes({ "room:*": room }));
      const client = await node.connect();
      expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
    }
  });

  it.each([["text"], [null], [[1, 2]], [7], [new Date(0)]])(
    "of %j, which is no object, throws in its sender and reaches nobody",
    async (payload) => {
      const room = users.channel({
        join: () => ok(),
        in: { go: (ch) => ch.broadcast("a", payload as object) },
      });
      const node = await startNode(users.routes({ "room:*": room }));
      const [sender, other] = [await node.connect(), await node.connect()];
      await sender.join("room:1");
      await other.join("room:1");
      sender.send(["1", "2", "room:1", "go", {}]);
      expect(heads(await sender.received())).toEqual(["1 1 room:1 phx_error"]);
      expect(await other.received()).toEqual([]);
      expect(node.adapter.published).toEqual([]);
    },
  );

  it("that endless handlers answer with broadcasts leaves the others their turns", async () => {
    let passed = 0;
    const room = users.channel({
      join: () => ok(),
      in: { go: (ch) => ch.broadcast("again", {}), ping: () => ok() },
      out: {
        again: (ch) => {
          passed += 1;
          if (passed < 5_000) ch.broadcast("again", {});
        },
      },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const [busy, other] = [await node.connect(), await node.connect()];
    await busy.join("room:1");
    await other.join("room:2");
    busy.send(["1", "2", "room:1", "go", {}]);
    expect(passed).toBeLessThan(5_000);
    other.send(["1", "2", "room:2", "ping", {}]);
    expect(heads(await other.received())).toEqual(["1 2 room:2 phx_reply ok"]);
    while (passed < 5_000) await turn();
  });
});

describe("messages from inside", () => {
  it("reach info in order, those of join after the join reply and after afterJoin", async () => {
    const log: unknown[] = [];
    const room = users.channel({
      join: (ch) => {
        ch.send("from join");
        ch.subscribe("news");
        return ok();
      },
      afterJoin: (ch) => {
        log.push("afterJoin");
        ch.send("from afterJoin");
        ch.push("welcome", {});
      },
      info: (_ch, message) => void log.push(message),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    client.send(["1", "1", "room:1", "phx_join", {}]);
    node.core.pubsub.broadcast("news", "flash", { n: 1 });
    expect(heads(await client.received())).toEqual(["1 1 room:1 phx_reply ok", "1 null room:1 welcome"]);
    expect(log).toEqual([
      "afterJoin",
      "from join",
      "from afterJoin",
      { topic: "news", event: "flash", payload: { n: 1 } },
    ]);
  });

  it("without an info callback are logged, and the channel lives on", async () => {
    const room = users.channel({
      join: () => ok(),
      in: { go: (ch) => ch.send("x"), ping: () => ok() },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "go", {}]);
    client.send(["1", "3", "room:1", "ping", {}]);
    expect(heads(await client.received())).toEqual(["1 3 room:1 phx_reply ok"]);
    expect(node.logger.at("warn")).toEqual(["message for a channel without info callback"]);
  });

  it("of a topic subscribed to twice come twice, and end together", async () => {
    const heard: string[] = [];
    let context: ChannelContext<object, never> | undefined;
    const room = users.channel({
      join: (ch) => {
        context = ch as never;
        ch.subscribe("news");
        ch.subscribe("news");
        ch.subscribe("sport");
        return ok();
      },
      info: (_ch, message) => void heard.push((message as { event: string }).event),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    node.core.pubsub.broadcast("news", "one", {});
    context?.unsubscribe("news");
    context?.unsubscribe("unknown");
    node.core.pubsub.broadcast("news", "two", {});
    node.core.pubsub.broadcast("sport", "three", {});
    await turn();
    expect(heard).toEqual(["one", "one", "three"]);
    client.hangUp();
    await turn();
    expect(node.core.pubsub.stats().topics).toBe(0);
    context?.subscribe("news");
    expect(node.core.pubsub.stats().topics, "an ended channel subscribes to nothing").toBe(0);
  });

  it.each([
    ["refuses", () => error({ reason: "no" })],
    ["throws", () => throwNo()],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["answers what cannot be written", () => ok({ big: 1n as unknown })],
  ])("end with a join that %s", async (_how, answer) => {
    const room = users.channel({
      join: (ch) => {
        ch.subscribe("news");
        return answer();
      },
      info: () => {},
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
    expect(node.core.pubsub.stats().topics).toBe(0);
    expect(node.adapter.subscribed.size).toBe(0);
  });

  function throwNo(): never {
    throw new Error("no");
  }
});

describe("a socket ref", () => {
  it("answers later, often, and after the channel has ended", async () => {
    const refs: (SocketRef | undefined)[] = [];
    const room = users.channel({
      join: () => ok(),
      in: { go: (ch) => void refs.push(ch.socketRef()) },
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    await client.join("room:1");
    client.send(["1", "2", "room:1", "go", {}]);
    client.send(["1", null, "room:1", "go", {}]);
    await turn();
    const [ref, none] = refs;
    expect(none, "the message asked for no answer").toBeUndefined();
    ref?.reply(reply("working"));
    client.send(["1", "3", "room:1", "phx_leave", {}]);
    ref?.reply(ok({ done: true }));
    expect(heads(await client.received())).toEqual([
      "1 2 room:1 phx_reply working",
      "1 3 room:1 phx_reply ok",
      "1 1 room:1 phx_close",
      "1 2 room:1 phx_reply ok",
    ]);
    client.hangUp();
    ref?.reply(ok());
    expect(await client.received()).toEqual([]);
  });
});

describe("assigns", () => {
  it("belong to one channel: seeded from socket, route and channel, shared with nobody", async () => {
    const named = socket({ connect: () => accept({ user: "ann", seen: 0 }) });
    const room = named.channel({
      assigns: () => ({ list: [] as string[] }),
      join: () => ok(),
      in: {
        add: (ch, payload) => {
          ch.assigns.seen += 1;
          ch.assigns.list.push(String(payload));
          return ok({ ...ch.assigns });
        },
      },
    });
    const node = await startNode(named.routes({ "room:*": room, "vip:*": route(room, { user: "vip" }) }));
    const client = await node.connect();
    await client.join("room:1", "1");
    await client.join("room:2", "2");
    await client.join("vip:1", "3");
    client.send(["1", "4", "room:1", "add", "a"]);
    client.send(["2", "5", "room:2", "add", "b"]);
    client.send(["3", "6", "vip:1", "add", "c"]);
    client.send(["1", "7", "room:1", "add", "d"]);
    const responses = (await client.received()).map(
      (message) => (message as [0, 0, 0, 0, { response: unknown }])[4].response,
    );
    expect(responses).toEqual([
      { user: "ann", seen: 1, list: ["a"] },
      { user: "ann", seen: 1, list: ["b"] },
      { user: "vip", seen: 1, list: ["c"] },
      { user: "ann", seen: 2, list: ["a", "d"] },
    ]);
    expect(client.session.assigns).toEqual({ user: "ann", seen: 0 });
  });

  it("of a channel that cannot make them crash the join alone", async () => {
    const room = users.channel({
      assigns: (): object => {
        throw new Error("no");
      },
      join: () => ok(),
    });
    const node = await startNode(users.routes({ "room:*": room }));
    const client = await node.connect();
    expect(heads(await client.join("room:1"))).toEqual(["1 1 room:1 phx_reply error"]);
  });
});
