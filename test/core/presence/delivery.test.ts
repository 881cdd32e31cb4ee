import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ClientChange, Delivery, deliveryDefaults } from "../../../src/core/presence/delivery.js";
import type { KeyedEntries } from "../../../src/core/presence/entry.js";
import { defaultPolicy, type TopicPolicy } from "../../../src/core/presence/topic-policy.js";
import { check, Set1 } from "./support.js";

/** A room with one policy: what its presences do, and what its clients are told. */
class Room {
  readonly set = new Set1("a");
  readonly delivery: Delivery;
  now = 0;

  constructor(policy: Partial<TopicPolicy>, limits: Partial<typeof deliveryDefaults> = {}) {
    // Each test gives the parts of one mode.
    const whole = { ...defaultPolicy, ...policy } as TopicPolicy;
    this.delivery = new Delivery({
      index: this.set.state.topics,
      policyOf: () => whole,
      limits: { ...deliveryDefaults, ...limits },
    });
  }

  #push(act: Parameters<Set1["diff"]>[0]): this {
    this.delivery.push(this.set.diff(act), this.now);
    return this;
  }

  join(key: string, owner = key): this {
    const ref = `${owner}.${this.set.state.clock}`;
    const record = { topic: "t", key, ref, prevRef: undefined, bytes: 2, meta: {} };
    return this.#push((diff) => this.set.state.add(owner, record, diff));
  }

  leave(key: string, owner = key): this {
    const entry = this.set.state.owners.get(owner, "t", key);
    return this.#push((diff) => entry && this.set.state.remove(owner, entry, diff));
  }

  update(key: string, owner = key): this {
    const entry = this.set.state.owners.get(owner, "t", key);
    if (entry === undefined) return this;
    const ref = `${owner}.${this.set.state.clock}`;
    const record = { topic: "t", key, ref, prevRef: entry.ref, bytes: 2, meta: {} };
    return this.#push((diff) => this.set.state.replace(owner, entry, record, diff));
  }

  pass(ms: number): this {
    this.now += ms;
    this.delivery.tick(this.now);
    return this;
  }

  told() {
    return this.delivery.takeChanges().map(({ diff, count }) => ({
      joins: diff?.joins.map(({ key }) => key),
      leaves: diff?.leaves.map(({ key }) => key),
      count: count?.keys,
    }));
  }

  state() {
    const { entries, count } = this.delivery.stateFor("t");
    return { keys: entries && [...entries.keys()], count };
  }
}

const diff = (joins: string[], leaves: string[], count?: number) => ({ joins, leaves, count });

describe("a topic as Phoenix has it", () => {
  test("tells every diff at once", () => {
    const room = new Room({}).join("a").join("b").leave("a");
    expect(room.told()).toEqual([diff(["a"], []), diff(["b"], []), diff([], ["a"])]);
    expect(room.delivery.nextDueAt).toBeUndefined();
    expect(room.state()).toEqual({ keys: ["b"], count: undefined });
  });
});

describe("a coalesced topic", () => {
  const policy = { mode: "coalesced", windowMs: 100 } as const;

  test("tells one diff for each window, from the first change on", () => {
    const room = new Room(policy).join("a").pass(50).join("b").pass(49);
    expect([room.told(), room.delivery.nextDueAt]).toEqual([[], 100]);
    expect(room.pass(1).told()).toEqual([diff(["a", "b"], [])]);
    expect(room.delivery.nextDueAt).toBeUndefined();
    expect(room.leave("a").pass(100).told()).toEqual([diff([], ["a"])]);
  });

  test("tells nothing of what came and went within a window", () => {
    expect(new Room(policy).join("a").leave("a").pass(100).told()).toEqual([]);
  });

  test("tells one update for many", () => {
    const room = new Room(policy).join("a").pass(100);
    room.told();
    for (let i = 0; i < 50; i++) room.update("a");
    expect(room.pass(100).told()).toEqual([diff(["a"], ["a"])]);
  });

  test("shows a client that enters within a window what the others have been told", () => {
    const room = new Room(policy).join("a").pass(100).leave("a").join("b");
    expect(room.state().keys).toEqual(["a"]);
    expect(room.pass(100).state().keys).toEqual(["b"]);
  });

  test("does not let more wait than it may", () => {
    const room = new Room(policy, { diffEntriesMax: 3 });
    for (let i = 0; i < 8; i++) room.join(`k${i}`);
    expect(room.told()).toEqual([diff(["k0", "k1", "k2"], []), diff(["k3", "k4", "k5"], [])]);
    expect(room.pass(100).told()).toEqual([diff(["k6", "k7"], [])]);
  });
});

describe("a topic that tells counts only", () => {
  const policy = { mode: "counts", windowMs: 100 } as const;
  const count = (keys: number) => ({ joins: undefined, leaves: undefined, count: keys });

  test("tells how many are present once for each window", () => {
    const room = new Room(policy).join("a").join("b").join("b", "b2");
    expect(room.pass(100).told()).toEqual([count(2)]);
    expect(room.state()).toEqual({ keys: undefined, count: { keys: 2, metas: 3 } });
    expect(room.leave("a").leave("b").pass(100).told()).toEqual([count(1)]);
  });

  test("tells nothing when the count is what it was", () => {
    const room = new Room(policy).join("a").pass(100);
    room.told();
    expect(room.update("a").leave("a").join("b").pass(100).told()).toEqual([]);
    expect(room.leave("b").pass(100).told()).toEqual([count(0)]);
  });
});

describe("a topic that tells the first few and how many", () => {
  const policy = { mode: "first", first: 2, windowMs: 100 } as const;

  test("shows the first, and counts the others", () => {
    const room = new Room(policy).join("a").join("b").join("c");
    expect(room.pass(100).told()).toEqual([diff(["a", "b"], [], 3)]);
    expect(room.state()).toEqual({ keys: ["a", "b"], count: { keys: 3, metas: 3 } });
    expect(room.join("d").pass(100).told()).toEqual([{ joins: undefined, leaves: undefined, count: 4 }]);
  });

  test("shows another when one of the shown goes", () => {
    const room = new Room(policy).join("a").join("b").join("c").pass(100);
    room.told();
    expect(room.leave("a").pass(100).told()).toEqual([diff(["c"], ["a"], 2)]);
    expect(room.leave("b").leave("c").pass(100).told()).toEqual([diff([], ["b", "c"], 0)]);
  });

  test("tells updates and further metas of the shown only", () => {
    const room = new Room(policy).join("a").join("b").join("c").pass(100);
    room.told();
    expect(room.update("a").update("c").pass(100).told()).toEqual([diff(["a"], ["a"])]);
    expect(room.join("b", "b2").pass(100).told()).toEqual([diff(["b"], [], 3)]);
    expect(room.leave("b").pass(100).told()).toEqual([diff([], ["b"], 3)]);
    expect(room.state().keys).toEqual(["a", "b"]);
  });

  test("an empty topic costs nothing, also when clients look", () => {
    const room = new Room(policy);
    expect(room.state()).toEqual({ keys: [], count: { keys: 0, metas: 0 } });
    expect(room.join("a").pass(100).told()).toEqual([diff(["a"], [], 1)]);
  });
});

describe("a topic with a grace period", () => {
  test("still lists and counts whoever may be moving", () => {
    const room = new Room({ graceMs: 100 }).join("a").join("b").leave("a");
    expect(room.told()).toEqual([diff(["a"], []), diff(["b"], [])]);
    expect(room.state().keys?.sort()).toEqual(["a", "b"]);
    expect(room.delivery.present.count("t")).toEqual({ keys: 2, metas: 2 });
    expect([...room.delivery.present.keys("t")].sort()).toEqual(["a", "b"]);
    expect(room.pass(100).told()).toEqual([diff([], ["a"])]);
    expect([room.state().keys, room.delivery.present.count("t").keys]).toEqual([["b"], 1]);
  });

  test("tells one update for a move", () => {
    const room = new Room({ graceMs: 100 }).join("a", "old").leave("a", "old").pass(99).join("a", "new");
    expect(room.told()).toEqual([diff(["a"], []), diff(["a"], ["a"])]);
    expect(room.pass(1_000).told()).toEqual([]);
  });

  test("does not move the count in a topic that tells counts", () => {
    const room = new Room({ mode: "counts", windowMs: 10, graceMs: 100 }).join("a", "old").pass(10);
    expect(room.told()).toHaveLength(1);
    expect(room.leave("a", "old").pass(50).join("a", "new").pass(500).told()).toEqual([]);
    expect(room.leave("a", "new").pass(100).pass(10).told()).toMatchObject([{ count: 0 }]);
  });
});

/** A client as phoenix.js is one: the refs under each key. */
class Client {
  readonly keys = new Map<string, Set<string>>();
  count: number | undefined;

  constructor(entries: KeyedEntries | undefined) {
    for (const [key, list] of entries ?? []) this.keys.set(key, new Set(list.map(({ ref }) => ref)));
  }

  /** Takes a change; throws at a second join and at a leave without a join. */
  apply({ diff: changes, count }: ClientChange): void {
    for (const { key, ref } of changes?.joins ?? []) {
      const refs = this.keys.get(key) ?? new Set();
      if (refs.has(ref)) throw new Error(`${ref} joins again`);
      this.keys.set(key, refs.add(ref));
    }
    for (const { key, ref } of changes?.leaves ?? []) {
      if (!this.keys.get(key)?.delete(ref)) throw new Error(`${ref} leaves and was not there`);
      if (this.keys.get(key)?.size === 0) this.keys.delete(key);
    }
    if (count !== undefined) this.count = count.keys;
  }
}

describe("in every mode", () => {
  const step = fc.record({
    kind: fc.constantFrom("join", "join", "leave", "update", "enter"),
    key: fc.constantFrom("a", "b", "c", "__proto__"),
    owner: fc.constantFrom("1", "2"),
    wait: fc.constantFrom(0, 0, 20, 60),
  });

  test.each<[string, Partial<TopicPolicy>]>([
    ["every", {}],
    ["every with grace", { graceMs: 70 }],
    ["coalesced", { mode: "coalesced", windowMs: 50 }],
    ["coalesced with grace", { mode: "coalesced", windowMs: 50, graceMs: 70 }],
    ["counts", { mode: "counts", windowMs: 50 }],
    ["counts with grace", { mode: "counts", windowMs: 50, graceMs: 70 }],
    ["first", { mode: "first", first: 2, windowMs: 50 }],
    ["first with grace", { mode: "first", first: 2, windowMs: 50, graceMs: 70 }],
  ])("clients that enter at any time end with what is present (%s)", (_name, policy) => {
    check(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const room = new Room(policy, { diffEntriesMax: 3 });
        const clients: Client[] = [];
        const tell = () => {
          for (const change of room.delivery.takeChanges())
            for (const client of clients) client.apply(change);
        };
        const enter = () => {
          const { entries, count } = room.delivery.stateFor("t");
          const client = new Client(entries);
          client.count = count?.keys;
          clients.push(client);
        };
        enter();
        for (const { kind, key, owner, wait } of steps) {
          room.pass(wait);
          tell();
          const there = room.set.state.owners.get(owner, "t", key) !== undefined;
          if (kind === "enter") enter();
          else if (kind === "join" && !there) room.join(key, owner);
          else if (kind === "leave" && there) room.leave(key, owner);
          else if (kind === "update") room.update(key, owner);
          tell();
        }
        // Once for leaves held back, once more for the windows they open.
        room.pass(1_000).pass(1_000);
        tell();
        const { entries, count } = room.delivery.stateFor("t");
        for (const client of clients) {
          expect(client.keys).toEqual(new Client(entries).keys);
          expect(client.count ?? count?.keys).toBe(count?.keys);
        }
        if (policy.mode === "first") expect(entries?.size).toBe(Math.min(2, count?.keys ?? 0));
        expect(room.delivery.nextDueAt).toBeUndefined();
      }),
    );
  });
});
