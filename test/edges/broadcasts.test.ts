import { describe, expect, it } from "vitest";
import type { EndpointOptions } from "../../src/create-endpoint.js";
import { event } from "../../src/runtime/channel-types.js";
import { ok, stop } from "../../src/runtime/result.js";
import { type ChannelDefinition, socket } from "../../src/runtime/socket-definition.js";
import { replyFrame as answer, closeFrame, connectChannels, errorFrame } from "../support/channel-client.js";
import { useEndpoints } from "../support/endpoints.js";
import { hubEngine } from "../support/hub-engine.js";
import { openWire } from "../support/wire-client.js";

const start = useEndpoints();
const users = socket();

/** Two nodes of one cluster, with the same channel on both. */
async function twoNodes(room: ChannelDefinition, options: Partial<EndpointOptions> = {}) {
  const cluster = await hubEngine().createCluster();
  const sockets = { "/socket": users.routes({ "room:*": room }) };
  const node = (name: string) => start({ sockets, name, pubsub: cluster.createAdapter(), ...options });
  return { one: await node("n1@test"), two: await node("n2@test") };
}

const room = users.channel({
  events: {
    note: event<object>(),
    secret: event<{ n: number }>(),
    bytes: event<Uint8Array>(),
    stop: event<object>(),
  },
  join: () => ok(),
  in: {
    note(ch, payload) {
      ch.broadcast("note", { payload });
    },
    note_from(ch, payload) {
      ch.broadcastFrom("note", { payload });
      return ok();
    },
    secret(ch) {
      ch.broadcast("secret", { n: 1 });
    },
    drop(ch) {
      ch.broadcast("secret", { n: 0 });
    },
    stop_all(ch) {
      ch.broadcast("stop", {});
    },
    bytes(ch) {
      ch.broadcast("bytes", new Uint8Array([1, 2]));
    },
    list(ch) {
      ch.broadcast("note", [1]);
    },
    text(ch) {
      ch.push("note", "text" as never);
    },
    big(ch) {
      ch.push("note", { big: 1n });
    },
  },
  out: {
    secret(ch, payload) {
      if (payload.n > 0) ch.push("secret", { n: payload.n + 1 });
    },
    stop: () => stop(),
  },
});

describe("a broadcast", () => {
  it("reaches every subscriber of the topic on every node, the sender included, and no other topic", async () => {
    const { one, two } = await twoNodes(room);
    const sender = await connectChannels(one.port);
    const near = await connectChannels(one.port);
    const far = await connectChannels(two.port);
    await sender.join("room:1");
    await near.join("room:1", "n");
    await far.join("room:1", "f");
    await far.join("room:2", "g");
    await sender.send("1", "2", "room:1", "note", "x");
    const frame = [null, null, "room:1", "note", { payload: "x" }];
    for (const client of [sender, near, far]) {
      expect(await client.next()).toEqual(frame);
      await client.silence();
    }
  });

  it("from a channel leaves that channel out, and no other of the same client's", async () => {
    const { one } = await twoNodes(room);
    const sender = await connectChannels(one.port);
    const other = await connectChannels(one.port);
    await sender.join("room:1");
    await other.join("room:1");
    await sender.send("1", "2", "room:1", "note_from", 1);
    expect(await sender.next()).toEqual(answer("1", "2", "room:1", "ok"));
    await sender.silence();
    expect(await other.next()).toEqual([null, null, "room:1", "note", { payload: 1 }]);
  });

  it("of an intercepted event is each channel's to pass on, to change, to drop or to stop at", async () => {
    const { one, two } = await twoNodes(room);
    const near = await connectChannels(one.port);
    const far = await connectChannels(two.port);
    await near.join("room:1");
    await far.join("room:1", "f");
    await near.send("1", "2", "room:1", "secret", {});
    expect(await near.next()).toEqual(["1", null, "room:1", "secret", { n: 2 }]);
    expect(await far.next()).toEqual(["f", null, "room:1", "secret", { n: 2 }]);
    await near.send("1", "3", "room:1", "drop", {});
    await near.silence();
    await near.send("1", "4", "room:1", "stop_all", {});
    expect(await near.next()).toEqual(closeFrame("1", "room:1"));
    expect(await far.next()).toEqual(closeFrame("f", "room:1"));
  });

  it("of bytes goes to V2 in a binary frame, and is counted where V1 cannot have it", async () => {
    const { one } = await twoNodes(room);
    const client = await connectChannels(one.port);
    const old = await openWire(one.port, "/socket/websocket");
    await client.join("room:1");
    await old.send('{"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}');
    await old.next();
    await client.send("1", "2", "room:1", "bytes", {});
    const frame = Buffer.concat([Buffer.from([2, 6, 5]), Buffer.from("room:1bytes"), Buffer.from([1, 2])]);
    expect(await client.wire.next()).toEqual(frame);
    await old.send('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"2"}');
    expect(await old.next()).toContain('"ref":"2"');
    expect(one.endpoint.stats().undeliverable_total).toBe(1);
  });

  it.each(["list", "text", "big"])("or push of what cannot be sent ends the sender: %s", async (name) => {
    const { one } = await twoNodes(room);
    const client = await connectChannels(one.port);
    const other = await connectChannels(one.port);
    await client.join("room:1");
    await other.join("room:1");
    await client.send("1", "2", "room:1", name, {});
    expect(await client.next()).toEqual(errorFrame("1", "room:1"));
    await other.silence();
  });

  it("from the endpoint reaches all nodes, or this one only", async () => {
    const { one, two } = await twoNodes(room);
    const near = await connectChannels(one.port);
    const far = await connectChannels(two.port);
    await near.join("room:1");
    await far.join("room:1");
    one.endpoint.broadcast("room:1", "note", { from: "endpoint" });
    expect(await near.next()).toEqual([null, null, "room:1", "note", { from: "endpoint" }]);
    expect(await far.next()).toEqual([null, null, "room:1", "note", { from: "endpoint" }]);
    one.endpoint.localBroadcast("room:1", "note", { from: "here" });
    expect(await near.next()).toEqual([null, null, "room:1", "note", { from: "here" }]);
    await far.silence();
    expect(() => one.endpoint.broadcast("room:1", "note", [1] as never)).toThrow(/payload_not_object/);
    expect(() => one.endpoint.broadcast("room:1", "e".repeat(256), new Uint8Array())).toThrow(
      /field_too_long/,
    );
  });
});

describe("subscriptions by hand", () => {
  const listener = users.channel({
    join(ch) {
      if (ch.topic === "room:refused") {
        ch.subscribe("news");
        return { kind: "reply", status: "error", response: {} };
      }
      ch.subscribe("news");
      return ok();
    },
    in: {
      twice(ch) {
        ch.subscribe("news");
        return ok();
      },
      none(ch) {
        ch.unsubscribe("news");
        return ok();
      },
      own(ch) {
        ch.subscribe(ch.topic);
        return ok();
      },
      shout: (ch) => ch.broadcast("note", { n: 1 }),
      shout_from(ch) {
        ch.broadcastFrom("note", { n: 1 });
        return ok();
      },
      send: (ch, payload) => ch.send(payload),
    },
    info(ch, message) {
      ch.push("info", { message });
    },
  });

  it("bring events of other topics to info, from every node, as often as subscribed", async () => {
    const { one, two } = await twoNodes(listener);
    const client = await connectChannels(one.port);
    await client.join("room:1");
    const told = [
      "1",
      null,
      "room:1",
      "info",
      { message: { topic: "news", event: "flash", payload: { x: 1 } } },
    ];
    two.endpoint.broadcast("news", "flash", { x: 1 });
    expect(await client.next()).toEqual(told);
    await client.send("1", "2", "room:1", "twice", {});
    expect(await client.next()).toEqual(answer("1", "2", "room:1", "ok"));
    one.endpoint.broadcast("news", "flash", { x: 1 });
    expect(await client.next()).toEqual(told);
    expect(await client.next()).toEqual(told);
    await client.send("1", "3", "room:1", "none", {});
    expect(await client.next()).toEqual(answer("1", "3", "room:1", "ok"));
    one.endpoint.broadcast("news", "flash", { x: 1 });
    await client.silence();
  });

  it("end with the channel, and with a refused join", async () => {
    const { one } = await twoNodes(listener);
    const { topics } = one.endpoint.stats().pubsub;
    const client = await connectChannels(one.port);
    await client.join("room:1");
    await client.send("2", "2", "room:refused", "phx_join", {});
    expect(await client.next()).toEqual(answer("2", "2", "room:refused", "error"));
    await client.send("1", "3", "room:1", "phx_leave", {});
    expect(await client.next()).toEqual(answer("1", "3", "room:1", "ok"));
    expect(await client.next()).toEqual(closeFrame("1", "room:1"));
    expect(one.endpoint.stats().pubsub.topics).toBe(topics);
  });

  it("to the own topic bring the frame, and the event to out, which crashes without a handler", async () => {
    const { one } = await twoNodes(listener);
    const client = await connectChannels(one.port);
    await client.join("room:1");
    await client.send("1", "2", "room:1", "own", {});
    expect(await client.next()).toEqual(answer("1", "2", "room:1", "ok"));
    await client.send("1", "3", "room:1", "shout_from", {});
    expect(await client.next()).toEqual(answer("1", "3", "room:1", "ok"));
    await client.silence();
    await client.send("1", "4", "room:1", "shout", {});
    expect(await client.next()).toEqual([null, null, "room:1", "note", { n: 1 }]);
    expect(await client.next()).toEqual(errorFrame("1", "room:1"));
  });

  it("are not the only thing that info is told: a channel can write to itself", async () => {
    const { one } = await twoNodes(listener);
    const client = await connectChannels(one.port);
    await client.join("room:1");
    await client.send("1", "2", "room:1", "send", { to: "myself" });
    expect(await client.next()).toEqual(["1", null, "room:1", "info", { message: { to: "myself" } }]);
  });

  it("without an info callback are no reason to end", async () => {
    const deaf = users.channel({
      join(ch) {
        ch.subscribe("news");
        return ok();
      },
      in: { ping: () => ok() },
    });
    const { one } = await twoNodes(deaf);
    const client = await connectChannels(one.port);
    await client.join("room:1");
    one.endpoint.broadcast("news", "flash", {});
    await client.send("1", "2", "room:1", "ping", {});
    expect(await client.next()).toEqual(answer("1", "2", "room:1", "ok"));
  });

  it("of the endpoint hear a topic from every node until they end, and survive their own throws", async () => {
    const { one, two } = await twoNodes(room);
    const { topics } = one.endpoint.stats().pubsub;
    const heard: unknown[] = [];
    const end = one.endpoint.subscribe("news", (message) => {
      heard.push(message);
      throw new Error("as the listener likes");
    });
    two.endpoint.broadcast("news", "flash", { x: 1 });
    one.endpoint.broadcast("news", "flash", { x: 2 });
    end();
    end();
    one.endpoint.broadcast("news", "flash", { x: 3 });
    expect(heard).toEqual([1, 2].map((x) => ({ topic: "news", event: "flash", payload: { x } })));
    expect(one.endpoint.stats().pubsub.topics).toBe(topics);
  });
});
