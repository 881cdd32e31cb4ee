import { describe, expect, test } from "vitest";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import type { Fragment } from "../../../src/core/presence/fragment.js";
import { refsOf, rid, Set1 } from "./support.js";

function pair(): [Set1, Set1] {
  const a = new Set1("a");
  const b = new Set1("b");
  return [a.knows(b), b.knows(a)];
}

/** The delta of `set` since `clock`. */
function delta(set: Set1, clock: number): Fragment {
  const extract = set.state.extract(set.id, { clock, cursor: undefined }, 1_000_000);
  if (extract === undefined) throw new Error("no delta");
  return extract.fragment;
}

describe("the own entries of a replica", () => {
  test("an addition ticks the clock and tags the entry with it", () => {
    const a = new Set1("a");
    expect([a.add("x").clock, a.add("y").clock, a.state.clock]).toEqual([1, 2, 2]);
  });

  test("a removal ticks the clock and leaves nothing behind", () => {
    const a = new Set1("a");
    a.add("x");
    a.remove("x");
    expect([a.state.clock, a.refs(), a.state.view(a.id)?.entries.size]).toEqual([2, [], 0]);
  });

  test("an update is a removal and an addition, two ticks, and one diff", () => {
    const a = new Set1("a");
    a.add("x");
    const old = a.state.owners.get("x", "t", "x");
    const diff = a.diff((builder) => {
      const record = { topic: "t", key: "x", ref: "new", prevRef: "a1", bytes: 2, meta: {} };
      if (old !== undefined) a.state.replace("x", old, record, builder);
    });
    expect([a.state.clock, a.refs(), refsOf(diff)]).toEqual([3, ["new"], { joins: ["new"], leaves: ["a1"] }]);
  });

  test("cannot be removed by anybody else", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    const claim: Fragment = { ...delta(a, 0), from: 0, to: 1, facts: 1, top: 1, entries: [] };
    expect(a.state.merge(claim, new DiffBuilder())).toBe("foreign");
    expect(a.refs()).toEqual(["a1"]);
  });
});

describe("merging", () => {
  test("adds entries of known replicas", () => {
    const [a, b] = pair();
    a.add("x");
    expect(refsOf(b.pull(a))).toEqual({ joins: ["a1"], leaves: [] });
    expect(b.refs()).toEqual(["a1"]);
  });

  test("ignores entries of replicas that are not known", () => {
    const a = new Set1("a");
    const b = new Set1("b");
    a.add("x");
    expect(b.state.merge(delta(a, 0), new DiffBuilder())).toBe("foreign");
    expect(b.refs()).toEqual([]);
  });

  test("removes what the other covers and does not list", () => {
    const [a, b] = pair();
    a.add("x");
    a.add("y");
    b.pull(a);
    a.remove("x");
    expect(refsOf(b.pull(a))).toEqual({ joins: [], leaves: ["a1"] });
    expect(b.refs()).toEqual(["a2"]);
  });

  test("never adds again what was removed, in whatever order the deltas arrive", () => {
    const [a, b] = pair();
    a.add("x");
    const added = delta(a, 0);
    a.remove("x");
    const removed = delta(a, 1);
    b.state.merge(removed, new DiffBuilder());
    expect(b.state.merge(added, new DiffBuilder())).not.toBe("foreign");
    expect(b.refs()).toEqual([]);
    expect(b.state.view(a.id)).toMatchObject({ context: 2 });
  });

  test("takes what arrives across a gap, and closes the gap later", () => {
    const [a, b] = pair();
    a.add("x");
    const first = delta(a, 0);
    a.add("y");
    const second = delta(a, 1);
    b.state.merge(second, new DiffBuilder());
    expect(b.refs()).toEqual(["a2"]);
    expect(b.state.view(a.id)?.context).toBe(0);
    expect(b.state.view(a.id)?.cloud.runs).toEqual([2, 2]);
    b.state.merge(first, new DiffBuilder());
    expect(b.refs()).toEqual(["a1", "a2"]);
    expect(b.state.view(a.id)?.context).toBe(2);
    expect(b.state.view(a.id)?.cloud.runs).toEqual([]);
  });

  test("a remote update is one diff with a leave and a join", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    a.replace("x");
    expect(refsOf(b.pull(a))).toEqual({ joins: ["a2"], leaves: ["a1"] });
  });

  test("passes on what was heard from others", () => {
    const [a, b] = pair();
    const c = new Set1("c").knows(a, b);
    a.add("x");
    a.add("y");
    b.pull(a);
    c.pull(b, a.id);
    expect(c.refs()).toEqual(["a1", "a2"]);
    a.remove("x");
    b.pull(a);
    c.pull(b, a.id);
    expect(c.refs()).toEqual(["a2"]);
  });

  test("passes on a removal that was heard before the addition", () => {
    const [a, b] = pair();
    const c = new Set1("c").knows(a, b);
    a.add("x");
    c.pull(a);
    a.remove("x");
    b.state.merge(delta(a, 1), new DiffBuilder());
    c.pull(b, a.id);
    expect(c.refs()).toEqual([]);
  });

  test("refuses a fragment that would leave more gaps than it may", () => {
    const a = new Set1("a");
    const b = new Set1("b", { cloudRunsMax: 2 }).knows(a);
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i++) {
      a.add(`k${i}`);
      if (i % 2 === 1) outcomes.push(b.state.merge(delta(a, i), new DiffBuilder()));
    }
    expect(outcomes).toEqual(["merged", "merged", "refused"]);
    b.pull(a);
    expect(b.refs()).toEqual(a.refs());
  });
});

describe("a continuing fragment", () => {
  test("is refused by whoever does not know what it continues", () => {
    const [a, b] = pair();
    a.add("x");
    a.add("y");
    const rest: Fragment = { ...delta(a, 1), base: 2 };
    expect(b.state.merge(rest, new DiffBuilder())).toBe("refused");
    const view = b.state.view(a.id);
    if (view === undefined) throw new Error("a is known");
    view.cursor = { upTo: 0, facts: 2 };
    expect(b.state.merge(rest, new DiffBuilder())).toBe("refused");
    view.cursor = { upTo: 1, facts: 1 };
    expect(b.state.merge(rest, new DiffBuilder())).toBe("refused");
    view.context = 1;
    view.cursor = { upTo: 1, facts: 2 };
    expect(b.state.merge(rest, new DiffBuilder())).toBe("merged");
  });
});

describe("replicas", () => {
  test("entries of a replica that is down are hidden and kept, and come back with the same refs", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    expect(refsOf(b.diff((diff) => b.state.replicaDown(a.id, diff)))).toEqual({ joins: [], leaves: ["a1"] });
    expect(b.refs()).toEqual([]);
    expect(b.state.topics.count("t")).toEqual({ keys: 0, metas: 0 });
    expect(refsOf(b.diff((diff) => b.state.replicaUp(a.id, diff)))).toEqual({ joins: ["a1"], leaves: [] });
    expect(b.refs()).toEqual(["a1"]);
  });

  test("what changes while a replica is down shows when it is up again", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    b.state.replicaDown(a.id, new DiffBuilder());
    a.remove("x");
    a.add("y");
    expect(b.pull(a).size).toBe(0);
    expect(refsOf(b.diff((diff) => b.state.replicaUp(a.id, diff)))).toEqual({ joins: ["a2"], leaves: [] });
  });

  test("what came back and went again within one input is no change", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    b.state.replicaDown(a.id, new DiffBuilder());
    a.remove("x");
    const diff = b.diff((builder) => {
      b.state.replicaUp(a.id, builder);
      b.state.merge(delta(a, 1), builder);
    });
    expect([diff.size, b.refs()]).toEqual([0, []]);
  });

  test("a forgotten replica is not brought back by others", () => {
    const [a, b] = pair();
    const c = new Set1("c").knows(a, b);
    b.knows(c);
    a.add("x");
    b.pull(a);
    c.pull(a);
    expect(refsOf(b.diff((diff) => b.state.forget(a.id, diff)))).toEqual({ joins: [], leaves: ["a1"] });
    b.pull(c, a.id);
    expect([b.refs(), b.state.knows(a.id)]).toEqual([[], false]);
  });

  test("leaves of a replica that is down were told, and are not told again when it is forgotten", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    b.state.replicaDown(a.id, new DiffBuilder());
    expect(b.diff((diff) => b.state.forget(a.id, diff)).size).toBe(0);
  });

  test("a forgotten replica that is heard again is learnt from nothing", () => {
    const [a, b] = pair();
    a.add("x");
    a.add("y");
    b.pull(a);
    b.state.forget(a.id, new DiffBuilder());
    a.remove("y");
    b.knows(a);
    expect(b.state.view(a.id)?.context).toBe(0);
    b.pull(a);
    expect(b.refs()).toEqual(["a1"]);
  });

  test("another start of the same node is another replica", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    expect(b.state.knows(rid("a", 2_000))).toBe(false);
  });

  test("marking up or down twice, or someone unknown, changes nothing", () => {
    const [a, b] = pair();
    a.add("x");
    b.pull(a);
    expect(b.diff((diff) => b.state.replicaUp(a.id, diff)).size).toBe(0);
    b.state.replicaDown(a.id, new DiffBuilder());
    expect(b.diff((diff) => b.state.replicaDown(a.id, diff)).size).toBe(0);
    expect(b.diff((diff) => b.state.replicaDown(rid("z"), diff)).size).toBe(0);
    expect(b.diff((diff) => b.state.replicaDown(b.id, diff)).size).toBe(0);
  });
});
