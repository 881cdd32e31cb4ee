import { describe, expect, it } from "vitest";
import { presence } from "../../src/runtime/presence/presence.js";
import type { Presence } from "../../src/runtime/presence/presence-types.js";
import { type AnyChannel, PresenceCluster } from "../support/presence-nodes.js";

/** A node with one channel at `p:1`, which tracks nobody. */
async function oneChannel(people: Presence<object>) {
  const cluster = new PresenceCluster(people);
  const node = await cluster.start("n1@test");
  await cluster.start("n2@test");
  const client = await node.connect();
  await client.join("p:1", "1", { quiet: true });
  const [channel] = cluster.seen.channels;
  if (channel === undefined) throw new Error("a channel has joined");
  return { cluster, node, client, channel };
}

const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

/** What is no meta: the types forbid most of it, so it comes in as if from JavaScript. */
const badMetas: readonly (readonly [string, unknown, string])[] = [
  ["undefined", undefined, "meta_invalid"],
  ["null", null, "meta_invalid"],
  ["a text", "away", "meta_invalid"],
  ["a list", [1], "meta_invalid"],
  ["a function inside", { call: () => 1 }, "meta_invalid"],
  ["a date inside", { at: new Date(0) }, "meta_invalid"],
  ["bytes inside", { bytes: new Uint8Array(2) }, "meta_invalid"],
  ["a bigint inside", { n: 1n }, "meta_invalid"],
  ["not a number inside", { list: [{ n: Number.NaN }] }, "meta_invalid"],
  ["itself inside", cyclic, "meta_invalid"],
  ["more bytes than the limit", { text: "x".repeat(4_096) }, "meta_too_large"],
];

describe("a meta that is or has", () => {
  it.each(badMetas)("%s is refused by track and update, and nothing changes", async (_what, bad, reason) => {
    const people = presence<object>();
    const { cluster, client, channel } = await oneChannel(people);
    const refused = { ok: false, reason };
    const meta = bad as object;
    expect(people.track(channel, "ann", meta)).toEqual(refused);
    expect(people.count(channel)).toEqual({ keys: 0, metas: 0 });
    expect(people.track(channel, "ann", { at: 1 }).ok).toBe(true);
    await cluster.pass(25);
    const before = JSON.stringify(people.list(channel));
    await client.received();
    expect(people.update(channel, "ann", meta)).toEqual(refused);
    expect(people.update(channel, "ann", () => meta)).toEqual(refused);
    await cluster.pass(25);
    expect(JSON.stringify(people.list(channel))).toBe(before);
    expect(await client.received()).toEqual([]);
    expect(cluster.keys("p:1")).toEqual(["ann", "ann"]);
  });
});

describe("a call is refused, with nothing half-applied,", () => {
  const fillUp = (people: Presence<object>, channel: AnyChannel, topics: number) =>
    Array.from({ length: 10 }, (_, i) => people.track(channel, `t:${i % topics}`, `k${i}`, {}));

  it.each([1, 4])(
    "beyond the presences that one channel may have, over all of %i shards",
    async (poolSize) => {
      const people = presence<object>({ presencesPerOwnerMax: 10, poolSize });
      const { cluster, channel } = await oneChannel(people);
      expect(fillUp(people, channel, 5).every(({ ok }) => ok)).toBe(true);
      expect(people.track(channel, "t:7", "one more", {})).toEqual({
        ok: false,
        reason: "too_many_presences",
      });
      expect(people.track(channel, "t:0", "k0", {})).toEqual({ ok: false, reason: "already_tracked" });
      expect(people.update(channel, "t:0", "k0", { at: 2 }).ok).toBe(true);
      people.untrack(channel, "t:1", "k1");
      expect(people.track(channel, "t:7", "one more", {}).ok).toBe(true);
      await cluster.pass(25);
      expect(cluster.keys("t:7")).toEqual(["one more", "one more"]);
      expect(cluster.keys("t:0")).toEqual(["k0,k5", "k0,k5"]);
    },
  );

  it("when the key or the topic cannot be one", async () => {
    const people = presence<object>();
    const { channel } = await oneChannel(people);
    const reasonOf = (topic: string, key: unknown) => people.track(channel, topic, key as string, {});
    expect(reasonOf("p:1", "ü".repeat(257))).toEqual({ ok: false, reason: "key_too_long" });
    expect(reasonOf("p:1", 7)).toEqual({ ok: false, reason: "key_invalid" });
    expect(reasonOf("p:1", undefined)).toEqual({ ok: false, reason: "key_invalid" });
    expect(reasonOf("t".repeat(4_097), "k")).toEqual({ ok: false, reason: "topic_too_long" });
    expect(people.count(channel)).toEqual({ keys: 0, metas: 0 });
  });

  it("when there is nothing to update; untrack of nothing is fine", async () => {
    const people = presence<object>();
    const { channel } = await oneChannel(people);
    expect(people.update(channel, "ann", {})).toEqual({ ok: false, reason: "nopresence" });
    people.untrack(channel, "ann");
    people.track(channel, "ann", {});
    expect(people.update(channel, "bob", {})).toEqual({ ok: false, reason: "nopresence" });
    people.untrack(channel, "bob");
    expect(people.count(channel)).toEqual({ keys: 1, metas: 1 });
  });

  it("when the function of an update throws, which its caller hears", async () => {
    const people = presence<object>();
    const { channel } = await oneChannel(people);
    people.track(channel, "ann", { at: 1 });
    const before = JSON.stringify(people.list(channel));
    const boom = () => {
      throw new Error("boom");
    };
    expect(() => people.update(channel, "ann", boom)).toThrow("boom");
    expect(JSON.stringify(people.list(channel))).toBe(before);
  });

  it("when the function of an update ends what it was asked about", async () => {
    const people = presence<object>();
    const { channel } = await oneChannel(people);
    people.track(channel, "ann", { at: 1 });
    const result = people.update(channel, "ann", (meta) => {
      people.untrack(channel, "ann");
      return meta;
    });
    expect(result).toEqual({ ok: false, reason: "nopresence" });
    expect(people.count(channel)).toEqual({ keys: 0, metas: 0 });
  });
});

describe("what is listed", () => {
  it("is a copy: changing it changes nothing, also deep inside", async () => {
    const people = presence<{ device: { name: string } }>();
    const { channel } = await oneChannel(people as Presence<object>);
    people.track(channel, "ann", { device: { name: "phone" } });
    const meta = people.list(channel).ann?.metas[0];
    Object.assign(meta ?? {}, { device: "gone" });
    expect(() => Object.assign(people.list(channel).ann?.metas[0]?.device ?? {}, { name: "x" })).toThrow(
      TypeError,
    );
    expect(people.list(channel).ann?.metas[0]?.device).toEqual({ name: "phone" });
  });

  it("has any key as a key", async () => {
    const people = presence<object>();
    const { channel, cluster } = await oneChannel(people);
    const keys = ["", "__proto__", "constructor", "7", "\ud800", "a b", "Ἰλιάς"];
    for (const key of keys) expect(people.track(channel, key, { key }).ok).toBe(true);
    await cluster.pass(25);
    for (const { core } of cluster.nodes) {
      expect(Object.keys(people.at(core).list("p:1")).sort()).toEqual(keys.toSorted());
      for (const key of keys) {
        expect(people.at(core).getByKey("p:1", key)).toMatchObject({ metas: [{ key }] });
      }
    }
  });
});

describe("a presence that cannot work is refused when it is defined:", () => {
  it.each([
    ["a name with spaces", { name: "a b" }, "name"],
    ["a name of nothing", { name: "" }, "name"],
    ["no shards", { poolSize: 0 }, "poolSize"],
    ["too many shards", { poolSize: 2_000 }, "poolSize"],
    ["a limit that is no whole number", { metaBytesMax: 1.5 }, "metaBytesMax"],
    ["a limit of zero", { presencesPerOwnerMax: 0 }, "presencesPerOwnerMax"],
    ["a limit that is a text", { diffEntriesMax: "many" }, "diffEntriesMax"],
    ["times that contradict each other", { downPeriodMs: 1_000 }, "downPeriodMs"],
    ["a mode that is none", { topics: { "*": { mode: "all" } } }, "mode"],
    ["a window of zero", { topics: { "*": { mode: "coalesced", windowMs: 0 } } }, "windowMs"],
    ["first without a number", { topics: { "*": { mode: "first" } } }, "first"],
    ["a grace below zero", { topics: { "*": { graceMs: -1 } } }, "graceMs"],
    ["a pattern that is none", { topics: { "a*b": {} } }, "topics"],
  ])("%s", (_what, options, named) => {
    expect(() => presence(options as object)).toThrow(named);
  });
});

describe("a call that nobody can answer throws:", () => {
  it("for a channel whose endpoint was not given the presence, or for what is no channel", async () => {
    const { channel } = await oneChannel(presence<object>());
    const other = presence<object>({ name: "other" });
    expect(() => other.track(channel, "ann", {})).toThrow("was not given it");
    expect(() => other.track({} as AnyChannel, "ann", {})).toThrow(TypeError);
    expect(() => other.list("p:1")).toThrow("no endpoint");
  });

  it("for a topic alone, where several endpoints run", async () => {
    const people = presence<object>();
    const { cluster } = await oneChannel(people);
    expect(() => people.list("p:1")).toThrow("several endpoints");
    expect(people.at(cluster.nodes[1]?.core ?? {}).count("p:1")).toEqual({ keys: 0, metas: 0 });
  });
});
