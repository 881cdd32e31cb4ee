import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TopicDiff } from "../../../src/core/presence/diff.js";
import { createEntry, type Entry } from "../../../src/core/presence/entry.js";
import { Grace } from "../../../src/core/presence/grace.js";
import { check, rid } from "./support.js";

function entry(key: string, ref: string, prevRef?: string): Entry {
  const record = { topic: "t", key, clock: 1, ref, prevRef, bytes: 2, meta: {} };
  return createEntry(record, "t", rid("a"), undefined);
}

function refs({ joins, leaves }: TopicDiff): { joins: string[]; leaves: string[] } {
  return { joins: joins.map(({ ref }) => ref), leaves: leaves.map(({ ref }) => ref) };
}

const nothing = { joins: [], leaves: [] };
const [x1, x2, y1] = [entry("k", "x1"), entry("k", "x2"), entry("k", "y1")];

/** A grace of 100 ms for one topic, told in refs. */
class Told {
  readonly grace: Grace;

  constructor(heldMax = 1_000) {
    this.grace = new Grace(heldMax);
  }

  diff(now: number, joins: Entry[], leaves: Entry[], graceMs = 100) {
    return refs(this.grace.filter("t", { joins, leaves }, graceMs, now));
  }

  expire(now: number): string[] {
    return [...this.grace.expire(now).values()].flat().map(({ ref }) => ref);
  }
}

describe("a leave in a topic with a grace period", () => {
  test("is held back, and told when nobody came", () => {
    const told = new Told();
    expect(told.diff(0, [], [x1])).toEqual(nothing);
    expect(told.grace.held("t", "k")).toEqual([x1]);
    expect([told.expire(99), told.expire(100), told.expire(100)]).toEqual([[], ["x1"], []]);
    expect([...told.grace.heldKeys("t")]).toEqual([]);
  });

  test("is one update with a join of the same key elsewhere", () => {
    const told = new Told();
    told.diff(0, [], [x1]);
    expect(told.diff(50, [y1], [])).toEqual({ joins: ["y1"], leaves: ["x1"] });
    expect(told.expire(1_000)).toEqual([]);
  });

  test("is nothing when the same entry comes back", () => {
    const told = new Told();
    told.diff(0, [], [x1]);
    expect(told.diff(50, [{ ...x1 }], [])).toEqual(nothing);
    expect(told.expire(1_000)).toEqual([]);
  });

  test("is told at once when the key joined in the same diff", () => {
    expect(new Told().diff(0, [y1], [x1])).toEqual({ joins: ["y1"], leaves: ["x1"] });
  });

  test("waits on for a second join when two left and one came", () => {
    const told = new Told();
    told.diff(0, [], [x1, x2]);
    expect(told.diff(50, [y1], [])).toEqual({ joins: ["y1"], leaves: ["x1"] });
    expect(told.grace.held("t", "k")).toEqual([x2]);
    expect(told.expire(100)).toEqual(["x2"]);
  });

  test("of a replaced entry goes with its update, and the other one waits", () => {
    const told = new Told();
    expect(told.diff(0, [entry("k", "y2", "x2")], [x1, x2])).toEqual({ joins: ["y2"], leaves: ["x2"] });
    expect(told.grace.held("t", "k")).toEqual([x1]);
  });

  test("is not taken by a join of another key", () => {
    const told = new Told();
    told.diff(0, [], [x1]);
    expect(told.diff(50, [entry("other", "o")], [])).toEqual({ joins: ["o"], leaves: [] });
    expect(told.expire(100)).toEqual(["x1"]);
  });

  test("passes when too many are held", () => {
    const told = new Told(1);
    expect(told.diff(0, [], [x1, x2])).toEqual({ joins: [], leaves: ["x2"] });
  });

  test("is not held without a grace period, but joins still take what is held", () => {
    const told = new Told();
    told.diff(0, [], [x1]);
    expect(told.diff(10, [], [x2], 0)).toEqual({ joins: [], leaves: ["x2"] });
    expect(told.diff(20, [y1], [], 0)).toEqual({ joins: ["y1"], leaves: ["x1"] });
  });

  test("keys like __proto__ are keys", () => {
    const told = new Told();
    told.diff(0, [], [entry("__proto__", "p1")]);
    expect(told.diff(1, [entry("__proto__", "p2")], [])).toEqual({ joins: ["p2"], leaves: ["p1"] });
  });

  test("whatever happens, clients see each ref join once and leave once, and no key go that came back in time", () => {
    const step = fc.record({
      key: fc.constantFrom("a", "b"),
      leave: fc.boolean(),
      pick: fc.nat(9),
      wait: fc.nat(80),
    });
    check(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const told = new Told();
        const live = new Map<string, Entry>();
        const seen = new Set<string>();
        const see = ({ joins, leaves }: { joins: string[]; leaves: string[] }) => {
          for (const ref of joins) expect(seen.has(ref)).toBe(false);
          for (const ref of joins) seen.add(ref);
          for (const ref of leaves) expect(seen.delete(ref)).toBe(true);
        };
        let now = 0;
        steps.forEach(({ key, leave, pick, wait }, i) => {
          now += wait;
          see({ joins: [], leaves: told.expire(now) });
          const there = [...live.values()].filter((each) => each.key === key);
          const gone = there[pick % Math.max(1, there.length)];
          const added = entry(key, `r${i}`);
          if (!leave) live.set(added.ref, added);
          else if (gone !== undefined) live.delete(gone.ref);
          see(told.diff(now, leave ? [] : [added], leave && gone !== undefined ? [gone] : []));
          for (const ref of live.keys()) expect(seen.has(ref)).toBe(true);
        });
        see({ joins: [], leaves: told.expire(now + 1_000) });
        expect([...seen].sort()).toEqual([...live.keys()].sort());
        expect(told.grace.size).toBe(0);
      }),
    );
  });
});
