import { Presence as OfficialPresence } from "phoenix";
import { describe, expect, it } from "vitest";
import { presence } from "../../src/runtime/presence/presence.js";
import type { PresenceMode } from "../../src/runtime/presence/presence-types.js";
import type { FakeClient } from "../support/node.js";
import { type AnyChannel, PresenceCluster } from "../support/presence-nodes.js";

type Payload = { joins: object; leaves: object } & { keys: number; metas: number };

/** What a client was told about who is there, each message as a line. */
async function told(client: FakeClient): Promise<string[]> {
  const messages = (await client.received()) as [unknown, unknown, string, string, Payload][];
  return messages.flatMap(([, , , event, payload]) => {
    const keys = (of: object) => Object.keys(of).join();
    if (event === "presence_diff") return `+${keys(payload.joins)} -${keys(payload.leaves)}`;
    if (event === "presence_count") return `${payload.keys} keys, ${payload.metas} metas`;
    return event === "presence_state" ? `state ${keys(payload)}` : [];
  });
}

/** Two nodes whose topics have a mode, a channel on each that tracks, and a client on the first that listens. */
async function twoNodes(mode: PresenceMode) {
  const people = presence<object>({ topics: { "p:*": mode } });
  const cluster = new PresenceCluster(people);
  const nodes = [await cluster.start("n1@test"), await cluster.start("n2@test")] as const;
  for (const node of nodes) await (await node.connect()).join("tracks", "1", { quiet: true });
  const [one, two] = cluster.seen.channels as [AnyChannel, AnyChannel];
  const listener = await nodes[0].connect();
  await listener.join("p:1", "1", { quiet: true });
  const on = (channel: AnyChannel) => ({
    track: (...keys: string[]) => keys.map((key) => people.track(channel, "p:1", key, {})),
    update: (key: string, meta: object) => people.update(channel, "p:1", key, meta),
    untrack: (...keys: string[]) => keys.map((key) => people.untrack(channel, "p:1", key)),
  });
  const newcomer = async () => {
    const client = await nodes[0].connect();
    client.send(["1", "1", "p:1", "phx_join", {}]);
    return client;
  };
  return { people, cluster, nodes, listener, newcomer, one: on(one), two: on(two) };
}

describe("a topic whose diffs are coalesced", () => {
  it("tells its clients one diff for each window, without what cancelled out", async () => {
    const { cluster, listener, one, two, people, nodes } = await twoNodes({
      mode: "coalesced",
      windowMs: 100,
    });
    one.track("a", "b", "c");
    one.untrack("b");
    one.update("a", { again: true });
    two.track("d");
    expect(Object.keys(people.at(nodes[0].core).list("p:1"))).toEqual(["a", "c"]);
    await cluster.pass(99);
    expect(await told(listener)).toEqual([]);
    await cluster.pass(1);
    expect(await told(listener)).toEqual(["+c,a,d -"]);
    await cluster.pass(1_000);
    expect(await told(listener)).toEqual([]);
  });

  it("tells a newcomer what the others have been told, so that the next diff fits for both", async () => {
    const { cluster, listener, newcomer, one } = await twoNodes({ mode: "coalesced", windowMs: 100 });
    one.track("a", "b");
    await cluster.pass(100);
    expect(await told(listener)).toEqual(["+a,b -"]);
    one.untrack("a");
    one.track("c");
    const client = await newcomer();
    expect(await told(client)).toEqual(["state b,a"]);
    await cluster.pass(100);
    expect(await told(client)).toEqual(["+c -a"]);
    expect(await told(listener)).toEqual(["+c -a"]);
  });

  it("tells more than diffEntriesMax at once, in diffs of no more than that", async () => {
    const people = presence<object>({ diffEntriesMax: 10, topics: { "*": { mode: "coalesced" } } });
    const cluster = new PresenceCluster(people);
    const node = await cluster.start("n1@test");
    const client = await node.connect();
    await client.join("p:1", "1", { quiet: true });
    const [channel] = cluster.seen.channels;
    for (let i = 0; channel !== undefined && i < 25; i++) people.track(channel, `k${i}`, {});
    expect((await told(client)).length).toBe(2);
    await cluster.pass(250);
    expect((await told(client)).length).toBe(1);
    expect(people.count("p:1")).toEqual({ keys: 25, metas: 25 });
  });
});

describe("a topic that is only counted", () => {
  it("tells newcomers the count, and all of them a count for each window in which it changed", async () => {
    const { cluster, listener, newcomer, one, two } = await twoNodes({ mode: "counts", windowMs: 100 });
    one.track("a", "b");
    two.track("a");
    await cluster.pass(25);
    expect(await told(listener)).toEqual([]);
    await cluster.pass(75);
    expect(await told(listener)).toEqual(["2 keys, 3 metas"]);
    one.update("a", { again: true });
    one.track("c");
    one.untrack("c");
    await cluster.pass(200);
    expect(await told(listener)).toEqual([]);
    const client = await newcomer();
    expect(await told(client)).toEqual(["2 keys, 3 metas"]);
    two.untrack("a");
    await cluster.pass(200);
    expect(await told(client)).toEqual(["2 keys, 2 metas"]);
  });
});

describe("a topic that shows the first and counts the rest", () => {
  it("tells of the shown keys and of the count, and lets others take the places of those that go", async () => {
    const { cluster, listener, newcomer, one, two } = await twoNodes({
      mode: "first",
      first: 2,
      windowMs: 100,
    });
    one.track("a", "b", "c");
    two.track("d");
    await cluster.pass(100);
    expect(await told(listener)).toEqual(["+a,b -", "4 keys, 4 metas"]);
    two.untrack("d");
    await cluster.pass(200);
    expect(await told(listener)).toEqual(["3 keys, 3 metas"]);
    one.update("c", { again: true });
    await cluster.pass(200);
    expect(await told(listener)).toEqual([]);
    one.untrack("a");
    await cluster.pass(200);
    expect(await told(listener)).toEqual(["+c -a", "2 keys, 2 metas"]);
    one.track("e");
    expect(await told(await newcomer())).toEqual(["state b,c", "2 keys, 2 metas"]);
  });
});

describe("within graceMs", () => {
  it("a client that moves to another node is one update, and no leave", async () => {
    const { cluster, listener, one, two, people, nodes } = await twoNodes({ graceMs: 2_000 });
    two.track("ann");
    await cluster.pass(25);
    expect(await told(listener)).toEqual(["+ann -"]);
    two.untrack("ann");
    await cluster.pass(500);
    expect(await told(listener)).toEqual([]);
    expect(people.at(nodes[0].core).count("p:1")).toEqual({ keys: 0, metas: 0 });
    one.track("ann");
    expect(await told(listener)).toEqual(["+ann -ann"]);
    await cluster.pass(5_000);
    expect(await told(listener)).toEqual([]);
  });

  it("a newcomer still sees who left; when nobody comes back, the leave is told then", async () => {
    const { cluster, listener, newcomer, one } = await twoNodes({ graceMs: 2_000 });
    one.track("ann");
    one.untrack("ann");
    expect(await told(listener)).toEqual(["+ann -"]);
    const client = await newcomer();
    expect(await told(client)).toEqual(["state ann"]);
    await cluster.pass(1_999);
    expect(await told(listener)).toEqual([]);
    await cluster.pass(1);
    expect(await told(listener)).toEqual(["+ -ann"]);
    expect(await told(client)).toEqual(["+ -ann"]);
  });

  it("an update goes out at once, as everywhere", async () => {
    const { listener, one } = await twoNodes({ graceMs: 2_000 });
    one.track("ann");
    one.update("ann", { at: 2 });
    expect(await told(listener)).toEqual(["+ann -", "+ann -ann"]);
  });
});

describe("clients of every mode end with what is present", () => {
  it.each<[string, PresenceMode]>([
    ["every", {}],
    ["coalesced", { mode: "coalesced", windowMs: 100 }],
    ["every with grace", { graceMs: 300 }],
    ["coalesced with grace", { mode: "coalesced", windowMs: 100, graceMs: 300 }],
    ["first", { mode: "first", first: 100, windowMs: 100 }],
  ])("by the official Presence: %s", async (_name, mode) => {
    const { cluster, newcomer, one, two, people, nodes } = await twoNodes(mode);
    const views: { client: FakeClient; view: OfficialPresence }[] = [];
    const take = async () => {
      for (const { client, view } of views) {
        for (const message of await client.received()) feed(view, message as unknown[]);
      }
    };
    for (let step = 0; step < 40; step++) {
      const side = step % 3 === 0 ? two : one;
      const key = `k${(step * 7) % 11}`;
      if (step % 4 === 3) side.untrack(key);
      else if (step % 5 === 4) side.update(key, { step });
      else side.track(key);
      if (step % 8 === 0) {
        views.push({ client: await newcomer(), view: officialView() });
      }
      await cluster.pass(step % 2 === 0 ? 30 : 0);
      await take();
    }
    await cluster.pass(2_000);
    await take();
    const present = people.at(nodes[0].core).list("p:1");
    for (const { view } of views) {
      const seen = view.list((key: string, { metas }: { metas: Meta[] }) => [key, { metas }] as const);
      expect(plain(Object.fromEntries(seen))).toEqual(plain(present));
    }
  });
});

/** Channels of the official `Presence`, as far as it uses them. */
const handlers = new WeakMap<OfficialPresence, Map<string, (payload: unknown) => void>>();

function officialView(): OfficialPresence {
  const bound = new Map<string, (payload: unknown) => void>();
  const channel = {
    joinRef: () => "1",
    on: (event: string, handler: (payload: unknown) => void) => bound.set(event, handler),
  };
  // Of a channel it uses no more than these two.
  const view = new OfficialPresence(channel as never);
  handlers.set(view, bound);
  return view;
}

function feed(view: OfficialPresence, [, , , event, payload]: unknown[]): void {
  handlers.get(view)?.get(String(event))?.(payload);
}

interface Meta {
  readonly phx_ref: string;
}

/** Keys sorted, metas by their refs: no order is promised. */
function plain(state: object): unknown {
  const entries = Object.entries(state as Record<string, { metas: Meta[] }>);
  return entries
    .map(([key, { metas }]) => [key, metas.map(({ phx_ref }) => phx_ref).sort()] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}
