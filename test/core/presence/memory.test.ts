import { describe, expect, test } from "vitest";
import { Delivery, deliveryDefaults } from "../../../src/core/presence/delivery.js";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import type { TopicPolicy } from "../../../src/core/presence/topic-policy.js";
import { Cluster } from "./cluster.js";
import { Set1 } from "./support.js";

describe("what is kept", () => {
  test("is bounded after very many joins and leaves, on the own node and on another", () => {
    // PRESENCE_ROUNDS=1000 makes it a million of them.
    const rounds = Number(process.env.PRESENCE_ROUNDS ?? 100);
    const a = new Set1("a", { deltaLogMax: 1_000 });
    const b = new Set1("b", { deltaLogMax: 1_000 }).knows(a);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 500; i++) a.add(`k${i}`);
      if (round % 10 === 9) b.pull(a);
      for (let i = 0; i < 500; i++) a.remove(`k${i}`);
    }
    b.pull(a);
    for (const { state } of [a, b]) {
      const view = state.view(a.id);
      expect(view?.context).toBe(rounds * 1_000);
      expect([view?.entries.size, view?.cloud.runCount]).toEqual([0, 0]);
      expect(view?.entries.orderLength).toBeLessThanOrEqual(65);
      expect(view?.log.rowCount).toBeLessThanOrEqual(1_000);
      expect([state.topics.topicCount, state.owners.ownerCount]).toEqual([0, 0]);
    }
  });

  test("is as much for a few presences as they need, after many came and went", () => {
    const a = new Set1("a");
    for (let i = 0; i < 20_000; i++) a.add(`k${i}`);
    for (let i = 0; i < 19_990; i++) a.remove(`k${i}`);
    const view = a.state.view(a.id);
    expect(view?.entries.size).toBe(10);
    expect(view?.entries.orderLength).toBeLessThanOrEqual(65);
  });

  test("of gaps is one run for each, and nothing when they are closed", () => {
    const a = new Set1("a");
    const b = new Set1("b").knows(a);
    const fragments = Array.from({ length: 1_000 }, (_, clock) => {
      a.add(`k${clock}`);
      return a.state.extract(a.id, { clock, cursor: undefined }, 1_000)?.fragment;
    });
    fragments.forEach((fragment, i) => {
      if (i % 2 === 1 && fragment !== undefined) b.state.merge(fragment, new DiffBuilder());
    });
    expect(b.state.view(a.id)?.cloud.runCount).toBe(500);
    for (const fragment of fragments) if (fragment !== undefined) b.state.merge(fragment, new DiffBuilder());
    expect(b.state.view(a.id)).toMatchObject({ context: 1_000, cloud: { runCount: 0 } });
  });

  test("by a tracker of nodes that restart again and again is what the last of them needs", () => {
    const cluster = new Cluster({ broadcastPeriodMs: 100, maxSilentPeriods: 3, permdownPeriodMs: 2_000 });
    const a = cluster.start("a");
    for (let i = 0; i < 200; i++) {
      cluster.start("b");
      cluster.track("b", `k${i}`);
      cluster.pass(50);
      cluster.kill("b");
    }
    expect([...a.tracker.state.views()]).toHaveLength(2);
    expect(a.refs()).toHaveLength(1);
    cluster.pass(3_000);
    expect([...a.tracker.state.views()]).toHaveLength(1);
    expect(a.refs()).toEqual([]);
  });

  const policies: [string, TopicPolicy][] = [
    ["coalesced", { mode: "coalesced", windowMs: 1_000, graceMs: 0 }],
    ["coalesced with grace", { mode: "coalesced", windowMs: 1_000, graceMs: 1_000 }],
    ["first", { mode: "first", first: 10, windowMs: 1_000, graceMs: 0 }],
    ["counts", { mode: "counts", windowMs: 1_000, graceMs: 0 }],
  ];
  test.each(policies)(
    "for clients within one window is bounded, however much happens in it (%s)",
    (_name, policy) => {
      const set = new Set1("a");
      const limits = { graceHeldMax: 100, diffEntriesMax: 100 };
      const delivery = new Delivery({ index: set.state.topics, policyOf: () => policy, limits });
      expect(deliveryDefaults.diffEntriesMax).toBeGreaterThan(limits.diffEntriesMax);
      for (let i = 0; i < 20_000; i++) {
        const key = `k${i % 700}`;
        if (set.state.owners.get(key, "t", key) === undefined) set.add(key);
        const entry = set.state.owners.get(key, "t", key);
        delivery.push(
          set.diff((diff) => entry && i % 3 > 0 && set.state.remove(key, entry, diff)),
          0,
        );
        delivery.takeChanges();
        expect(delivery.waiting).toBeLessThanOrEqual(200 + 100);
      }
    },
  );
});
