import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import type { Fragment } from "../../../src/core/presence/fragment.js";
import type { ReplicaView } from "../../../src/core/presence/replica-view.js";
import { check, Set1 } from "./support.js";

const names = ["a", "b", "c"];

/** One step of anything that may happen, by number; the numbers choose whom it happens to. */
const step = fc.record({
  kind: fc.constantFrom(
    "add",
    "add",
    "remove",
    "replace",
    "ask",
    "ask",
    "ask",
    "take",
    "take",
    "stale",
    "forget",
  ),
  who: fc.nat(2),
  whom: fc.nat(2),
  about: fc.nat(2),
  pick: fc.nat(1_000),
  bytes: fc.constantFrom(0, 150, 400, 100_000),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What every operation of a replica did: which clock added, and which clock removed which dot. */
class History {
  readonly adds = new Map<number, string>();
  readonly kills = new Map<number, number>();
}

class World {
  readonly sets: Set1[];
  readonly histories = names.map(() => new History());
  readonly keys: string[][] = names.map(() => []);
  /** Every fragment ever sent; any of them may arrive at anybody, again and again. */
  readonly air: Fragment[] = [];
  #count = 0;

  constructor(logMax: number) {
    this.sets = names.map((name) => new Set1(name, { deltaLogMax: logMax }));
    for (const set of this.sets) set.knows(...this.sets);
  }

  run({ kind, who, whom, about, pick, bytes }: Step): void {
    const set = this.sets[who] as Set1;
    const other = this.sets[whom] as Set1;
    const third = this.sets[about] as Set1;
    switch (kind) {
      case "add":
      case "remove":
      case "replace":
        return this.#operate(kind, who, pick);
      case "ask":
      case "stale": {
        const view = set.state.view(third.id);
        if (set === other || view === undefined) return;
        const known = kind === "ask" ? view.context : pick % (view.context + 1);
        const cursor = kind === "ask" ? view.cursor : undefined;
        const extract = other.state.extract(third.id, { clock: known, cursor }, bytes);
        if (extract !== undefined) this.air.push(extract.fragment);
        // The newest is the likeliest to arrive, and a transfer goes on only when it does.
        if (extract !== undefined && pick % 3 > 0) set.state.merge(extract.fragment, new DiffBuilder());
        return;
      }
      case "take": {
        const fragment = this.air[pick % Math.max(1, this.air.length)];
        if (fragment !== undefined) set.state.merge(fragment, new DiffBuilder());
        return;
      }
      case "forget":
        if (set === other || pick % 4 > 0) return;
        set.state.forget(other.id, new DiffBuilder());
        set.state.replicaUp(other.id, new DiffBuilder());
        return;
    }
  }

  #operate(kind: "add" | "remove" | "replace", who: number, pick: number): void {
    const set = this.sets[who] as Set1;
    const history = this.histories[who] as History;
    const keys = this.keys[who] as string[];
    const key = keys[pick % Math.max(1, keys.length)];
    if (kind === "add" || key === undefined) {
      const entry = set.add(`k${++this.#count}`);
      history.adds.set(entry.clock, entry.ref);
      keys.push(entry.key);
      return;
    }
    const old = set.state.owners.get(key, "t", key);
    if (old === undefined) throw new Error("the model is out of step");
    history.kills.set(set.state.clock + 1, old.clock);
    if (kind === "replace") {
      const entry = set.replace(key);
      history.adds.set(entry.clock, entry.ref);
    } else {
      set.remove(key);
      keys.splice(keys.indexOf(key), 1);
    }
  }

  /** Throws when anybody knows an operation without its effect, or shows what is not so. */
  checkKnowledge(): void {
    for (const set of this.sets) {
      this.sets.forEach(({ id }, about) => {
        const view = set.state.view(id);
        if (view !== undefined && id !== set.id) checkView(view, this.histories[about] as History);
      });
    }
  }

  /** Lets everybody ask everybody until nothing is left to ask. */
  heal(bytes: number): void {
    for (let round = 0; round < 1; round++) {
      for (const set of this.sets) for (const other of this.sets) this.#pullAll(set, other, bytes);
    }
  }

  #pullAll(set: Set1, other: Set1, bytes: number): void {
    if (set === other) return;
    for (const { id } of this.sets) {
      const source = other.state.view(id);
      if (id === set.id || source === undefined) continue;
      set.pull(other, id, bytes);
      // Whoever knows of nothing beyond a gap can always tell all it knows.
      const complete = source.top <= source.context && source.cloud.runCount === 0;
      const reached = set.state.view(id)?.context ?? 0;
      if (complete && reached < source.context)
        throw new Error(`${set.id} is stuck on ${id} with ${other.id}`);
    }
  }

  live(): string[] {
    const refs = this.histories.map(({ adds, kills }) => {
      const dead = new Set(kills.values());
      return [...adds].filter(([clock]) => !dead.has(clock)).map(([, ref]) => ref);
    });
    return refs.flat().sort();
  }
}

function checkView(view: ReplicaView, { adds, kills }: History): void {
  const dead = new Set(kills.values());
  for (const [clock, ref] of adds) {
    const entry = view.entries.get(clock);
    if (entry !== undefined && (entry.ref !== ref || !view.covers(clock)))
      throw new Error(`odd entry ${clock}`);
    if (entry === undefined && view.covers(clock) && !dead.has(clock)) throw new Error(`lost ${clock}`);
  }
  for (const [clock, dot] of kills) {
    if (view.covers(clock) && (view.entries.get(dot) || !view.covers(dot))) {
      throw new Error(`ghost: ${clock} removed ${dot}`);
    }
    const { upTo, facts } = view.cursor ?? { upTo: 0, facts: 0 };
    if (dot <= upTo && clock <= facts && view.entries.get(dot)) throw new Error(`cursor hides ghost ${dot}`);
  }
}

describe("replicas that ask each other, lose, repeat and reorder the answers", () => {
  test.each([10_000, 5, 1])("never know an operation without its effect (log of %i)", (logMax) => {
    check(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const world = new World(logMax);
        for (const each of steps) {
          world.run(each);
          world.checkKnowledge();
        }
      }),
      400,
    );
  });

  test.each([
    [10_000, 100_000],
    [10_000, 150],
    [3, 150],
    [1, 0],
  ])("agree with the history once they reach each other (log of %i, slices of %i bytes)", (logMax, bytes) => {
    check(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const world = new World(logMax);
        for (const each of steps) world.run(each);
        world.heal(bytes);
        const live = world.live();
        for (const set of world.sets) expect(set.refs()).toEqual(live);
      }),
    );
  });
});
