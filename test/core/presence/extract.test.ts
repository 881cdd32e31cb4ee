import { describe, expect, test } from "vitest";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import type { Extract } from "../../../src/core/presence/extract.js";
import { Set1 } from "./support.js";

function extract(from: Set1, clock: number, bytesMax = 1_000_000): Extract | undefined {
  return from.state.extract(from.id, { clock, cursor: undefined }, bytesMax);
}

function filled(count: number, given = {}): Set1 {
  const set = new Set1("a", given);
  for (let i = 1; i <= count; i++) set.add(`k${i}`);
  return set;
}

function clocks(found: Extract | undefined): number[] {
  return (found?.fragment.entries ?? []).map(({ clock }) => clock);
}

describe("what a replica sends to one that is behind", () => {
  test("is nothing when the other knows as much", () => {
    const a = filled(3);
    expect(extract(a, 3)).toBeUndefined();
    expect(extract(a, 9)).toBeUndefined();
  });

  test("is exactly what happened since: new entries, and removals of old ones", () => {
    const a = filled(3);
    a.remove("k1");
    a.add("k4");
    const found = extract(a, 3);
    expect(clocks(found)).toEqual([5]);
    expect(found?.fragment).toMatchObject({ from: 3, to: 5, base: 3, facts: 5, dots: [1, 1] });
  });

  test("leaves out what came and went since", () => {
    const a = filled(1);
    a.add("x");
    a.remove("x");
    const found = extract(a, 1);
    expect(found?.fragment).toMatchObject({ from: 1, to: 3, dots: [], entries: [] });
  });

  test("is everything when the removals since are forgotten", () => {
    const a = filled(10, { deltaLogMax: 2 });
    for (const key of ["k1", "k2", "k3"]) a.remove(key);
    expect(extract(a, 10)?.fragment).toMatchObject({ from: 0, to: 13, dots: [] });
    expect(extract(a, 11)?.fragment).toMatchObject({ from: 11, to: 13, dots: [2, 3] });
  });

  test("is everything when that is less than the list of removals", () => {
    const a = filled(10);
    for (let i = 2; i <= 10; i++) a.remove(`k${i}`);
    expect(extract(a, 10)?.fragment).toMatchObject({ from: 0, to: 19, dots: [] });
    expect(clocks(extract(a, 10))).toEqual([1]);
  });

  test("is cut into slices of the size asked for, each with one entry at least", () => {
    const a = filled(5);
    const first = extract(a, 0, 1);
    expect([clocks(first), first?.complete, first?.fragment.to]).toEqual([[1], false, 1]);
    const third = extract(a, 2, 250);
    expect([clocks(third), third?.complete]).toEqual([[3, 4], false]);
    expect(extract(a, 4, 1)?.complete).toBe(true);
  });

  test.each([1, 250, 1_000])("arrives whole in slices of %i bytes, from any clock", (bytesMax) => {
    for (let start = 0; start <= 40; start += 8) {
      const a = new Set1("a", { deltaLogMax: 4 });
      const b = new Set1("b").knows(a);
      for (let i = 1; i <= 40; i++) {
        a.add(`k${i}`);
        if (i === start) b.pull(a);
      }
      for (let i = 2; i <= 36; i += 3) a.remove(`k${i}`);
      b.pull(a, a.id, bytesMax);
      expect(b.refs()).toEqual(a.refs());
      expect(b.state.view(a.id)).toMatchObject({ context: a.state.clock, cursor: undefined });
    }
  });

  test("goes on where it stopped when removals happen between the slices", () => {
    const a = filled(12, { deltaLogMax: 3 });
    for (const key of ["k2", "k4", "k6", "k8"]) a.remove(key);
    const b = new Set1("b").knows(a);
    let slices = 0;
    for (; b.state.view(a.id)?.context !== a.state.clock; slices++) {
      if (slices > 30) throw new Error("the transfer does not end");
      const view = b.state.view(a.id);
      const known = { clock: view?.context ?? 0, cursor: view?.cursor };
      const found = a.state.extract(a.id, known, 1);
      if (found !== undefined) b.state.merge(found.fragment, new DiffBuilder());
      if (slices === 1) a.remove("k1");
      if (slices === 3) a.replace("k12");
    }
    expect(b.refs()).toEqual(a.refs());
    expect(slices).toBeLessThan(12);
  });
});
