import { describe, expect, test } from "vitest";
import { nameOf, type ReplicaId } from "../../../src/core/presence/replica-id.js";
import { Sync } from "../../../src/core/presence/sync.js";
import { rid, Set1 } from "./support.js";

const [a, b, c, z] = [rid("a"), rid("b"), rid("c"), rid("z")];

/** A replica that knows a, b and c, the own clock being 2, and nothing of them. */
function make(): { set: Set1; sync: Sync } {
  const set = new Set1("self").knows(...["a", "b", "c"].map((name) => new Set1(name)));
  set.add("x");
  set.add("y");
  return { set, sync: new Sync(set.state, 1_000) };
}

const clocks = (given: Record<string, number>) =>
  new Map(Object.entries(given).map(([name, clock]): [ReplicaId, number] => [rid(name), clock]));
const names = (ids: readonly ReplicaId[]) => ids.map(nameOf);

describe("whom to ask for what is missing", () => {
  test("is nobody when nobody knows more", () => {
    const { sync } = make();
    expect(sync.note(a, clocks({ a: 0, b: 0, self: 99 }))).toBe(false);
    expect(sync.sources(0)).toEqual([]);
  });

  test("is one of two that know the same", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5, b: 3 }));
    sync.note(b, clocks({ a: 5, b: 3 }));
    expect(sync.sources(0)).toHaveLength(1);
  });

  test("is the one that knows more of two", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5 }));
    sync.note(b, clocks({ a: 5, b: 3 }));
    expect(names(sync.sources(0))).toEqual(["b"]);
  });

  test("is both when each knows something that the other does not", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5, b: 1 }));
    sync.note(b, clocks({ a: 4, b: 3 }));
    expect(names(sync.sources(0)).sort()).toEqual(["a", "b"]);
  });

  test("does not count replicas that are not known here", () => {
    const { set, sync } = make();
    expect(sync.note(a, clocks({ z: 9 }))).toBe(false);
    sync.note(b, clocks({ b: 1, z: 9 }));
    expect(names(sync.sources(0))).toEqual(["b"]);
    set.knows(new Set1("z"));
    expect(sync.note(a, clocks({ z: 9 }))).toBe(true);
    expect(sync.noteOwn(z, 10)).toBe(true);
  });

  test("is forgotten once it arrived some other way", () => {
    const { set, sync } = make();
    sync.note(a, clocks({ a: 1 }));
    const other = new Set1("a");
    other.add("x");
    set.pull(other);
    expect(sync.sources(0)).toEqual([]);
  });

  test("keeps what a heartbeat told when a delta of the same replica follows", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5, b: 3 }));
    expect(sync.noteOwn(a, 6)).toBe(true);
    expect(sync.noteOwn(a, 5)).toBe(true);
    sync.note(b, clocks({ b: 3 }));
    expect(names(sync.sources(0))).toEqual(["a"]);
  });
});

describe("a replica that was asked", () => {
  test("is not asked again while it may still answer, nor is another for the same", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5, b: 3 }));
    sync.note(b, clocks({ b: 3 }));
    sync.asking(a, 0);
    expect(sync.sources(999)).toEqual([]);
  });

  test("is asked after others when it did not answer in time", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5, b: 3 }));
    sync.note(c, clocks({ b: 3 }));
    sync.asking(a, 0);
    expect(names(sync.sources(1_000))).toEqual(["c", "a"]);
    sync.note(c, clocks({ a: 5, b: 3 }));
    expect(names(sync.sources(1_000))).toEqual(["c"]);
  });

  test("is asked again only when it offers again, once it told all it had", () => {
    const { sync } = make();
    sync.note(a, clocks({ a: 5 }));
    sync.asking(a, 0);
    sync.done(a);
    expect(sync.sources(5)).toEqual([]);
    sync.note(a, clocks({ a: 5 }));
    expect(names(sync.sources(5))).toEqual(["a"]);
  });
});
