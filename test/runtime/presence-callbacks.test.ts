import { describe, expect, it } from "vitest";
import { presence } from "../../src/runtime/presence/presence.js";
import type {
  AnyPresence,
  Presence,
  PresenceNode,
  Presences,
} from "../../src/runtime/presence/presence-types.js";
import type { FakeClient } from "../support/node.js";
import { PresenceCluster } from "../support/presence-nodes.js";

type Diff = { joins: Record<string, unknown>; leaves: Record<string, unknown> };

/** The diffs among what a client was sent: the keys that joined, and those that left. */
async function diffs(client: FakeClient): Promise<string[]> {
  const messages = (await client.received()) as [unknown, unknown, string, string, Diff][];
  return messages
    .filter(([, , , event]) => event === "presence_diff")
    .map(([, , , , { joins, leaves }]) => `+${Object.keys(joins)} -${Object.keys(leaves)}`);
}

async function oneNode(people: AnyPresence) {
  const cluster = new PresenceCluster(people);
  const node = await cluster.start("n1@test");
  const client = await node.connect();
  await client.join("p:1", "1", { quiet: true });
  const channel = cluster.seen.channels[0];
  if (channel === undefined) throw new Error("a channel has joined");
  return { cluster, node, client, channel };
}

describe("fetch", () => {
  it("is asked for joins and leaves of every diff, for lists, for pages and for keys, and adds fields", async () => {
    const asked: string[] = [];
    const people = presence<{ at: number }, { name: string }>({
      fetch(topic, presences) {
        asked.push(`${topic} ${Object.keys(presences)}`);
        const entries = Object.entries(presences);
        return Object.fromEntries(
          entries.map(([key, entry]) => [key, { ...entry, name: key.toUpperCase() }]),
        );
      },
    });
    const { client, channel } = await oneNode(people);
    people.track(channel, "ann", { at: 1 });
    expect(asked.splice(0)).toEqual(["p:1 ann", "p:1 "]);
    const ref = expect.any(String);
    const ann = { metas: [{ at: 1, phx_ref: ref }], name: "ANN" };
    expect(await client.received()).toEqual([
      [null, null, "p:1", "presence_diff", { joins: { ann }, leaves: {} }],
    ]);
    expect(people.list(channel)).toEqual({ ann });
    expect(people.getByKey(channel, "ann")).toEqual(ann);
    expect(people.getByKey(channel, "bob")).toBeUndefined();
    expect(people.page(channel)).toEqual({
      presences: { ann },
      next: undefined,
      count: { keys: 1, metas: 1 },
    });
    asked.length = 0;
    people.untrack(channel, "ann");
    expect(asked).toEqual(["p:1 ", "p:1 ann"]);
    expect(await client.received()).toEqual([
      [null, null, "p:1", "presence_diff", { joins: {}, leaves: { ann } }],
    ]);
  });

  it("may take its time: fetches run at once, and what they lead to is sent in order", async () => {
    const open = new Map<string, () => void>();
    const people = presence<object, object>({
      fetch: (_topic, presences) => {
        const keys = Object.keys(presences).join();
        if (keys === "") return Promise.resolve(presences);
        return new Promise<Presences<object>>((resolve) => void open.set(keys, () => resolve(presences)));
      },
    });
    const { client, channel } = await oneNode(people);
    for (const key of ["a", "b", "c"]) people.track(channel, key, {});
    people.pushState(channel);
    await client.received();
    expect([...open.keys()]).toEqual(["a", "b", "c", "a,b,c"]);
    open.get("c")?.();
    open.get("b")?.();
    expect(await client.received()).toEqual([]);
    open.get("a")?.();
    expect(await diffs(client)).toEqual(["+a -", "+b -", "+c -"]);
    open.get("a,b,c")?.();
    const [state] = (await client.received()) as [[unknown, unknown, string, string, object]];
    expect([state[3], Object.keys(state[4])]).toEqual(["presence_state", ["a", "b", "c"]]);
    const listed = people.list(channel);
    open.get("a,b,c")?.();
    expect(Object.keys(await listed)).toEqual(["a", "b", "c"]);
  });

  it.each<[string, (presences: object) => unknown]>([
    [
      "throws",
      () => {
        throw new Error("boom");
      },
    ],
    ["rejects", () => Promise.reject(new Error("boom"))],
    ["answers nothing", () => undefined],
    ["forgets the keys", () => ({})],
    ["forgets the metas", (presences) => Object.fromEntries(Object.keys(presences).map((key) => [key, {}]))],
    ["adds what is no JSON", (presences) => spoil(presences)],
  ])("that %s costs the added fields and nothing else", async (_how, answer) => {
    const people = presence<object, object>({ fetch: (_topic, presences) => answer(presences) as never });
    const { client, node, channel } = await oneNode(people);
    people.track(channel, "ann", { at: 1 });
    expect(await diffs(client)).toEqual(["+ann -"]);
    expect([...node.logger.at("warn"), ...node.logger.at("error")].join()).toMatch(
      /presence (fetch failed|callback crashed)/,
    );
    people.untrack(channel, "ann");
    expect(await diffs(client)).toEqual(["+ -ann"]);
  });

  it("that never answers is given up after fetchTimeoutMs", async () => {
    const people = presence<object, object>({
      fetchTimeoutMs: 500,
      fetch: () => new Promise<Presences<object>>(() => {}),
    });
    const { cluster, client, channel } = await oneNode(people);
    people.track(channel, "ann", {});
    expect(await diffs(client)).toEqual([]);
    await cluster.pass(500);
    expect(await diffs(client)).toEqual(["+ann -"]);
  });

  it("is not asked while fetchesMax are under way", async () => {
    let asked = 0;
    const people = presence<object, object>({
      fetchesMax: 2,
      fetchTimeoutMs: 500,
      fetch: () => {
        asked += 1;
        return new Promise<Presences<object>>(() => {});
      },
    });
    const { cluster, client, channel } = await oneNode(people);
    for (const key of ["a", "b", "c"]) people.track(channel, key, {});
    expect(asked).toBe(2);
    await cluster.pass(500);
    expect(await diffs(client)).toEqual(["+a -", "+b -", "+c -"]);
  });
});

function spoil(presences: object): object {
  return Object.fromEntries(Object.entries(presences).map(([key, entry]) => [key, { ...entry, big: 1n }]));
}

describe("handleMetas", () => {
  it("is called after each diff of a topic was sent, with how the topic then is", async () => {
    const seen: unknown[] = [];
    const people: Presence<object> = presence<object>({
      handleMetas(topic, { joins, leaves }, present, node) {
        const keys = (of: object) => Object.keys(of).join();
        const there = [...present].map(([key, metas]) => `${key} ×${metas.length}`).join();
        seen.push(`${node.name} ${topic} +${keys(joins)} -${keys(leaves)}: ${there}`);
      },
    });
    const { channel, cluster } = await oneNode(people);
    await cluster.start("n2@test");
    people.track(channel, "ann", { at: 1 });
    people.track(channel, "p:2", "bob", {});
    people.update(channel, "ann", { at: 2 });
    people.untrack(channel, "ann");
    expect(seen.splice(0)).toEqual([
      "n1@test p:1 +ann -: ann ×1",
      "n1@test p:2 +bob -: bob ×1",
      "n1@test p:1 +ann -ann: ann ×1",
      "n1@test p:1 + -ann: ",
    ]);
    await cluster.pass(25);
    expect(seen).toEqual(["n2@test p:2 +bob -: bob ×1"]);
  });

  it("may track, broadcast and throw: clients are told everything in order all the same", async () => {
    const nodes: PresenceNode[] = [];
    const people: Presence<object> = presence<object>({
      handleMetas(topic, { joins }, _present, node) {
        nodes.push(node);
        node.localBroadcast(topic, "saw", { keys: Object.keys(joins) });
        if ("ann" in joins) expect(people.track(one.channel, "bob", {}).ok).toBe(true);
        throw new Error("boom");
      },
    });
    const one = await oneNode(people);
    people.track(one.channel, "ann", {});
    const messages = (await one.client.received()) as [unknown, unknown, string, string, object][];
    expect(messages.map(([, , , event, payload]) => `${event} ${JSON.stringify(payload)}`)).toEqual([
      expect.stringMatching(/^presence_diff .*"ann"/),
      'saw {"keys":["ann"]}',
      expect.stringMatching(/^presence_diff .*"bob"/),
      'saw {"keys":["bob"]}',
    ]);
    expect(one.node.logger.at("error")).toEqual(["presence callback crashed", "presence callback crashed"]);
  });
});
