import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DotSet, runsOf } from "../../../src/core/presence/dot-set.js";
import { check } from "./support.js";

const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(5)), { maxLength: 30 });

/** Every dot of a set, one by one. */
function dots(set: DotSet): number[] {
  const found: number[] = [];
  for (let i = 0; i < set.runs.length; i += 2) {
    for (let dot = set.runs[i] ?? 0; dot <= (set.runs[i + 1] ?? 0); dot++) found.push(dot);
  }
  return found;
}

function sorted(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

describe("a set of dots", () => {
  test("holds what was added, in as few runs as possible", () => {
    check(
      fc.property(ranges, (added) => {
        const set = new DotSet();
        const model = new Set<number>();
        for (const [first, width] of added) {
          set.add(first, first + width);
          for (let dot = first; dot <= first + width; dot++) model.add(dot);
        }
        expect(dots(set)).toEqual(sorted(model));
        for (let dot = 0; dot <= 70; dot++) expect(set.has(dot)).toBe(model.has(dot));
        expect(set.runs).toEqual(runsOf([...model]));
      }),
    );
  });

  test("covers a range only when every dot of it is in", () => {
    const set = new DotSet();
    set.add(3, 5);
    set.add(7, 9);
    expect([set.coversRange(3, 5), set.coversRange(4, 4), set.coversRange(8, 9)]).toEqual([true, true, true]);
    expect([set.coversRange(2, 3), set.coversRange(5, 7), set.coversRange(9, 10)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("is compacted into a prefix that reaches it", () => {
    check(
      fc.property(ranges, fc.nat(60), (added, prefix) => {
        const set = new DotSet();
        const model = new Set<number>();
        for (const [first, width] of added) {
          set.add(first, first + width);
          for (let dot = first; dot <= first + width; dot++) model.add(dot);
        }
        let reached = prefix;
        while (model.has(reached + 1)) reached += 1;
        expect(set.compact(prefix)).toBe(reached);
        expect(dots(set)).toEqual(sorted(model).filter((dot) => dot > reached));
      }),
    );
  });

  test("needs one run for a million dots without a gap", () => {
    const set = new DotSet();
    for (let dot = 2; dot <= 1_000_000; dot++) set.add(dot, dot);
    expect(set.runCount).toBe(1);
    expect(set.compact(1)).toBe(1_000_000);
    expect(set.runCount).toBe(0);
  });
});
