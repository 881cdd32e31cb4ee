import { describe, expect, it } from "vitest";
import { presence } from "../../src/runtime/presence/presence.js";
import { error, ok, type Reply } from "../../src/runtime/result.js";
import { socket } from "../../src/runtime/socket-definition.js";
import type { FakeClient } from "../support/node.js";
import { type AnyChannel, PresenceCluster, type PresenceNodeUnderTest } from "../support/presence-nodes.js";

/** What may befall a channel that joined `p:1` with join_ref 1. */
const ends: readonly (readonly [
  string,
  (client: FakeClient, channel: AnyChannel, node: PresenceNodeUnderTest) => unknown,
])[] = [
  ["leaves", (client) => client.send(["1", "9", "p:1", "phx_leave", {}])],
  ["crashes", (client) => client.send(["1", "9", "p:1", "crash", {}])],
  ["is sent an event that nobody handles", (client) => client.send(["1", "9", "p:1", "unknown", {}])],
  ["stops itself", (client) => client.send(["1", "9", "p:1", "end", {}])],
  ["is stopped", (_client, channel) => channel.stop("kicked")],
  ["loses its connection", (client) => client.hangUp()],
  ["has its connection closed", (client) => client.session.close(1001, "disconnect")],
  ["breaks the protocol", (client) => client.send("no message")],
  ["is replaced by another join", (client) => client.send(["2", "2", "p:1", "phx_join", { quiet: true }])],
  ["is replaced by a join that crashes", (client) => client.send(["2", "2", "p:1", "phx_join", "no object"])],
  ["is drained", (_client, _channel, node) => node.core.drain()],
];

describe("a presence ends on every node when its channel", () => {
  it.each(ends)("%s", async (_how, end) => {
    const people = presence();
    const cluster = new PresenceCluster(people);
    const [n1] = [await cluster.start("n1@test"), await cluster.start("n2@test")];
    const client = await n1.connect();
    await client.join("p:1", "1", { who: "ann" });
    const [channel] = cluster.seen.channels;
    if (channel === undefined) throw new Error("a channel has joined");
    expect(people.track(channel, "elsewhere", "ann", {}).ok).toBe(true);
    await cluster.pass(25);
    expect(cluster.keys("p:1")).toEqual(["ann", "ann"]);
    await end(client, channel, n1);
    await client.received();
    await cluster.pass(25);
    expect([cluster.keys("p:1"), cluster.keys("elsewhere")]).toEqual([
      ["", ""],
      ["", ""],
    ]);
    expect(people.track(channel, "ann", {})).toEqual({ ok: false, reason: "channel_ended" });
    expect(people.update(channel, "ann", {})).toEqual({ ok: false, reason: "channel_ended" });
    expect(n1.core.presences.values().next().value?.stats().owners).toBe(0);
  });

  it("stops with its node, at once", async () => {
    const cluster = new PresenceCluster(presence());
    const [n1] = [await cluster.start("n1@test"), await cluster.start("n2@test")];
    await (await n1.connect()).join("p:1", "1", { who: "ann" });
    await cluster.pass(25);
    await n1.core.stop();
    expect(cluster.keys("p:1", cluster.nodes.slice(1))).toEqual([""]);
  });

  it("is alone on a node that the engine has lost, after lostPeriodMs, and is back when that node is", async () => {
    const cluster = new PresenceCluster(presence());
    const [n1] = [await cluster.start("n1@test"), await cluster.start("n2@test")];
    await (await n1.connect()).join("p:1", "1", { who: "ann" });
    await cluster.pass(25);
    cluster.lan.cut("n1@test", "n2@test");
    await cluster.pass(4_000);
    expect(cluster.keys("p:1")).toEqual(["ann", "ann"]);
    await cluster.pass(3_000);
    expect(cluster.keys("p:1")).toEqual(["ann", ""]);
    cluster.lan.heal("n1@test", "n2@test");
    await cluster.pass(1_000);
    expect(cluster.keys("p:1")).toEqual(["ann", "ann"]);
  });
});

describe("a presence that was tracked before the join was answered", () => {
  const users = socket();

  it.each<[string, () => Reply | Promise<Reply>]>([
    ["refused", () => error({ reason: "full" })],
    [
      "crashed",
      () => {
        throw new Error("boom");
      },
    ],
    ["refused late", async () => error({ reason: "full" })],
    ["crashed late", () => Promise.reject(new Error("boom"))],
  ])("ends when the join is %s", async (_how, answer) => {
    const people = presence();
    const room = users.channel({
      join(ch) {
        expect(people.track(ch, "ann", {}).ok).toBe(true);
        return answer();
      },
    });
    const cluster = new PresenceCluster(people, users.routes({ "*": room }));
    const node = await cluster.start("n1@test");
    const [reply] = (await (await node.connect()).join("p:1")) as [unknown[]];
    expect(reply[4]).toMatchObject({ status: "error" });
    expect(cluster.keys("p:1")).toEqual([""]);
  });

  it("ends when the connection is lost meanwhile", async () => {
    const people = presence();
    const joins: (() => void)[] = [];
    const room = users.channel({
      join(ch) {
        people.track(ch, "ann", {});
        return new Promise<Reply>((resolve) => void joins.push(() => resolve(ok())));
      },
    });
    const cluster = new PresenceCluster(people, users.routes({ "*": room }));
    const client = await (await cluster.start("n1@test")).connect();
    await client.join("p:1");
    expect(cluster.keys("p:1")).toEqual(["ann"]);
    client.hangUp();
    joins[0]?.();
    await client.received();
    expect(cluster.keys("p:1")).toEqual([""]);
  });
});

describe("a handler that outlives its channel", () => {
  it("tracks nobody, and neither does terminate", async () => {
    const people = presence();
    const results: unknown[] = [];
    const going: (() => void)[] = [];
    const users = socket();
    const room = users.channel({
      join: () => ok(),
      terminate: (ch) => void results.push(people.track(ch, "ghost", {})),
      in: {
        async wait(ch) {
          await new Promise<void>((resolve) => void going.push(resolve));
          results.push(people.track(ch, "ghost", {}));
        },
      },
    });
    const cluster = new PresenceCluster(people, users.routes({ "*": room }));
    const client = await (await cluster.start("n1@test")).connect();
    await client.join("p:1");
    client.send(["1", "2", "p:1", "wait", {}]);
    await client.received();
    client.hangUp();
    going[0]?.();
    await client.received();
    const refused = { ok: false, reason: "channel_ended" };
    expect(results).toEqual([refused, refused]);
    expect(cluster.keys("p:1")).toEqual([""]);
  });
});
