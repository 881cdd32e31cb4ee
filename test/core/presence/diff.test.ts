import { describe, expect, test } from "vitest";
import { DiffBuilder, TopicChanges, type TopicDiff } from "../../../src/core/presence/diff.js";
import { createEntry, type Entry } from "../../../src/core/presence/entry.js";
import { splitDiff } from "../../../src/core/presence/split-diff.js";
import { rid } from "./support.js";

function entry(key: string, ref: string, prevRef?: string, topic = "t"): Entry {
  return createEntry({ topic, key, clock: 1, ref, prevRef, bytes: 2, meta: {} }, topic, rid("a"), undefined);
}

function absorbed(...diffs: TopicDiff[]): { joins: [string, string | undefined][]; leaves: string[] } {
  const changes = new TopicChanges();
  for (const diff of diffs) changes.absorb(diff);
  const { joins, leaves } = changes.take();
  return { joins: joins.map(({ ref, prevRef }) => [ref, prevRef]), leaves: leaves.map(({ ref }) => ref) };
}

const join = (...joins: Entry[]): TopicDiff => ({ joins, leaves: [] });
const leave = (...leaves: Entry[]): TopicDiff => ({ joins: [], leaves });
const [x, y, z] = [entry("k", "x"), entry("k", "y", "x"), entry("k", "z", "y")];

describe("changes put together", () => {
  test("keep joins and leaves in order", () => {
    const other = entry("l", "o");
    expect(absorbed(join(x), join(other))).toEqual({
      joins: [
        ["x", undefined],
        ["o", undefined],
      ],
      leaves: [],
    });
    expect(absorbed(leave(other), leave(x))).toEqual({ joins: [], leaves: ["o", "x"] });
  });

  test("are none for what joined and left", () => {
    expect(absorbed(join(x), leave(x))).toEqual({ joins: [], leaves: [] });
  });

  test("are none for what left and came back under the same ref", () => {
    expect(absorbed(leave(x), join({ ...x }))).toEqual({ joins: [], leaves: [] });
  });

  test("are one update for a chain of updates, from the first ref to the last", () => {
    const first: TopicDiff = { joins: [y], leaves: [x] };
    const second: TopicDiff = { joins: [z], leaves: [y] };
    expect(absorbed(first, second)).toEqual({ joins: [["z", "x"]], leaves: ["x"] });
  });

  test("are a plain join for a join and its update", () => {
    expect(absorbed(join(x), { joins: [y], leaves: [x] })).toEqual({ joins: [["y", undefined]], leaves: [] });
  });

  test("start anew after they were taken", () => {
    const changes = new TopicChanges();
    changes.join(x);
    expect(changes.size).toBe(1);
    changes.take();
    expect([changes.size, changes.take()]).toEqual([0, { joins: [], leaves: [] }]);
  });

  test("hold no more for a key that is updated again and again than for one update", () => {
    const changes = new TopicChanges();
    let last = x;
    for (let i = 0; i < 100_000; i++) {
      const next = entry("k", `r${i}`, last.ref);
      changes.absorb({ joins: [next], leaves: [last] });
      last = next;
    }
    expect(changes.size).toBe(2);
  });
});

describe("a diff over topics", () => {
  test("has no topic in which nothing changed", () => {
    const builder = new DiffBuilder();
    builder.join(x);
    builder.leave(x);
    builder.join(entry("k", "o", undefined, "__proto__"));
    expect([...builder.build().keys()]).toEqual(["__proto__"]);
  });
});

describe("a diff that is too large", () => {
  const all: TopicDiff = {
    joins: Array.from({ length: 10 }, (_, i) => entry(`k${i}`, `new${i}`, `old${i}`)),
    leaves: Array.from({ length: 20 }, (_, i) => entry(`k${i}`, `old${i}`)),
  };

  test("is left alone when it fits", () => {
    expect(splitDiff(all, 30)).toEqual([all]);
  });

  test("is cut into parts that fit, with each key in one of them", () => {
    const parts = splitDiff(all, 7);
    const sizes = parts.map(({ joins, leaves }) => joins.length + leaves.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    expect(parts.flatMap(({ joins }) => joins)).toEqual(all.joins);
    expect(parts.flatMap(({ leaves }) => leaves)).toEqual(all.leaves);
    for (const { joins, leaves } of parts) {
      const left = new Set(leaves.map(({ ref }) => ref));
      for (const { prevRef } of joins) expect(left.has(prevRef ?? "")).toBe(true);
    }
  });

  test("keeps the changes of one key together even when these alone are too many", () => {
    expect(splitDiff(all, 1).length).toBe(20);
    expect(splitDiff({ joins: [y, z], leaves: [x] }, 1)).toEqual([{ joins: [y, z], leaves: [x] }]);
  });
});
