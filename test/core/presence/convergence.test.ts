import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TrackerOptions } from "../../../src/core/presence/options.js";
import { Cluster, type Fate } from "./cluster.js";
import { check } from "./support.js";

const names = ["a", "b", "c", "d"];

const step = fc.record({
  kind: fc.constantFrom(
    ...["track", "track", "track", "untrack", "update", "end", "pass", "pass", "pass"],
    ...["partition", "heal", "kill", "stop", "start", "freeze", "thaw", "lost", "announce"],
  ),
  who: fc.constantFrom(...names),
  owner: fc.nat(3),
  topic: fc.constantFrom("t", "u"),
  key: fc.constantFrom("k", "l", "__proto__"),
  pick: fc.nat(1_000),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What a faulty network does: shares of messages that are lost, doubled and late. */
const weather = fc.record({ loss: fc.double({ min: 0, max: 0.5, noNaN: true }), seed: fc.nat(2 ** 31 - 1) });

const quick: Partial<TrackerOptions> = {
  broadcastPeriodMs: 100,
  maxSilentPeriods: 3,
  permdownPeriodMs: 3_000,
  lostPeriodMs: 150,
  flushMs: 5,
  repairMs: 20,
  transferTimeoutMs: 200,
  metaBytesMax: 100,
  keyBytesMax: 20,
  permdownOnShutdown: true,
};

/** The cluster under test, next to what each running node tracks. */
class World {
  readonly cluster: Cluster;
  readonly model = new Map<string, Map<string, string>>();
  readonly #stormy: Fate;
  #group = new Map<string, number>();

  constructor(options: Partial<TrackerOptions>, { loss, seed }: { loss: number; seed: number }) {
    this.cluster = new Cluster({ ...quick, ...options });
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x80000000;
    };
    this.#stormy = (from, to) => {
      if (this.#group.get(from) !== this.#group.get(to) || random() < loss) return [];
      const copies = random() < 0.2 ? 2 : 1;
      return Array.from({ length: copies }, () => Math.floor(random() * random() * 60));
    };
    this.cluster.fate = this.#stormy;
    for (const name of names) this.#start(name);
  }

  run({ kind, who, owner, topic, key, pick }: Step): void {
    const { cluster } = this;
    const node = cluster.nodes.get(who);
    const place = JSON.stringify([owner, topic, key]);
    if (kind === "pass") cluster.pass(pick % 7 === 0 ? pick * 3 : pick % 150);
    else if (kind === "partition") this.#group = new Map(names.map((name, i) => [name, (pick >> i) & 1]));
    else if (kind === "heal") this.#group.clear();
    else if (node === undefined) {
      if (kind === "start") this.#start(who);
    } else if (kind === "freeze") cluster.freeze(who);
    else if (kind === "thaw") cluster.thaw(who);
    else if (kind === "kill" || kind === "stop") {
      cluster[kind](who);
      this.model.delete(who);
    } else if (!node.frozen) this.#operate(kind, who, place, owner, topic, key);
    this.checkViews();
  }

  #operate(kind: string, who: string, place: string, owner: number, topic: string, key: string): void {
    const { cluster } = this;
    const mine = this.model.get(who) ?? new Map<string, string>();
    if (kind === "track" || kind === "update") {
      const had = mine.has(place);
      const result = cluster.on(who, (tracker, now) => tracker[kind](owner, topic, key, { n: 1 }, now));
      expect(result.ok).toBe(kind === "update" ? had : !had);
      if (result.ok) mine.set(place, result.entry.ref);
    } else if (kind === "untrack") {
      cluster.on(who, (tracker, now) => tracker.untrack(owner, topic, key, now));
      mine.delete(place);
    } else if (kind === "end") {
      cluster.on(who, (tracker, now) => tracker.untrackOwner(owner, now));
      for (const each of mine.keys()) if (JSON.parse(each)[0] === owner) mine.delete(each);
    } else if (kind === "lost") cluster.on(who, (tracker, now) => tracker.nodeLost(names[owner] ?? "a", now));
    else if (kind === "announce") cluster.on(who, (tracker) => tracker.announce());
  }

  /** Every observer has what its tracker lists, and a node always shows its own. */
  checkViews(): void {
    for (const [name, node] of this.cluster.nodes) {
      expect(node.listed()).toEqual(node.seen);
      for (const ref of this.model.get(name)?.values() ?? []) expect(node.seen.has(ref)).toBe(true);
      const { topics } = node.tracker;
      for (const topic of ["t", "u"]) {
        const lists = [...topics.list(topic).values()];
        expect(topics.count(topic)).toEqual({ keys: lists.length, metas: lists.flat().length });
      }
    }
  }

  /** Ends all faults and lets enough time pass for the dead to be given up. */
  heal(): void {
    this.cluster.fate = () => [1];
    for (const name of names) if (this.cluster.nodes.get(name)?.frozen) this.cluster.thaw(name);
    this.cluster.pass(2_000);
    this.checkViews();
  }

  live(): string[] {
    return [...this.model.values()].flatMap((mine) => [...mine.values()]).sort();
  }

  #start(name: string): void {
    this.model.set(name, new Map());
    this.cluster.start(name, 0.5);
  }
}

describe("trackers through loss, repetition, reordering, partitions, freezes, crashes and restarts", () => {
  test.each<[string, Partial<TrackerOptions>]>([
    ["default sizes", {}],
    ["small messages", { messageBytesMax: 400 }],
    ["small messages and a short log", { messageBytesMax: 400, deltaLogMax: 2 }],
    ["few gaps", { cloudRunsMax: 1 }],
  ])("show what is tracked on the running nodes once they reach each other (%s)", (_name, options) => {
    check(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), weather, (steps, storm) => {
        const world = new World(options, storm);
        for (const each of steps) world.run(each);
        world.heal();
        const live = world.live();
        for (const node of world.cluster.nodes.values()) expect(node.refs()).toEqual(live);
      }),
      60,
    );
  });

  test("keep nothing of nodes that are gone, and no gap", () => {
    check(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), weather, (steps, storm) => {
        const world = new World({}, storm);
        for (const each of steps) world.run(each);
        world.heal();
        world.cluster.pass(5_000);
        const running = [...world.cluster.nodes.values()].map(({ tracker }) => tracker.self).sort();
        for (const { tracker } of world.cluster.nodes.values()) {
          const views = [...tracker.state.views()];
          expect(views.map(({ id }) => id).sort()).toEqual(running);
          for (const { cloud, cursor } of views) expect([cloud.runCount, cursor]).toEqual([0, undefined]);
        }
      }),
      40,
    );
  });

  test("are quiet once they agree", () => {
    check(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), weather, (steps, storm) => {
        const world = new World({}, storm);
        for (const each of steps) world.run(each);
        world.heal();
        const since = world.cluster.now + 1;
        world.cluster.pass(2_000);
        for (const node of world.cluster.nodes.values()) {
          expect(node.sent("request", since)).toEqual([]);
          expect(node.sent("delta", since)).toEqual([]);
          expect(node.sent("heartbeat", since).length).toBeLessThanOrEqual(6);
        }
      }),
      40,
    );
  });
});
