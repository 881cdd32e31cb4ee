import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DiffBuilder } from "../../../src/core/presence/diff.js";
import type { Fragment, Known } from "../../../src/core/presence/fragment.js";
import { ReplicaView } from "../../../src/core/presence/replica-view.js";
import { PresenceState } from "../../../src/core/presence/state.js";
import { check, limits, rid, Set1 } from "./support.js";

const origin = rid("origin");

/** What the origin did: each number adds a presence, or removes or replaces one that is there. */
const history = fc.array(fc.nat(999), { minLength: 1, maxLength: 40, size: "max" });

/** Every state of the origin over its history is asked for the delta from every clock, in slices of any size. */
const cuts = fc.array(fc.record({ at: fc.nat(40), since: fc.nat(80), bytes: fc.nat(600) }), {
  minLength: 1,
  maxLength: 8,
  size: "max",
});

function fragmentsOf(ops: readonly number[], asked: readonly { at: number; since: number; bytes: number }[]) {
  const fragments: Fragment[] = [];
  const set = new Set1("origin");
  const keys: string[] = [];
  ops.forEach((op, step) => {
    const key = keys[op % Math.max(1, keys.length)];
    if (op % 3 === 0 || key === undefined) {
      set.add(`k${step}`);
      keys.push(`k${step}`);
    } else if (op % 3 === 1) {
      set.remove(key);
      keys.splice(keys.indexOf(key), 1);
    } else set.replace(key);
    for (const { at, since, bytes } of asked) {
      if (at % ops.length !== step) continue;
      const known: Known = { clock: since % (set.state.clock + 1), cursor: undefined };
      const extract = set.state.extract(origin, known, bytes);
      if (extract !== undefined) fragments.push(extract.fragment);
    }
  });
  return fragments;
}

function mergeAll(fragments: readonly Fragment[]): PresenceState {
  const state = new PresenceState(rid("observer"), limits);
  state.replicaUp(origin, new DiffBuilder());
  for (const fragment of fragments) state.merge(fragment, new DiffBuilder());
  return state;
}

/** What is known about the origin, all of it: the set and the causal history. */
function knowledge(state: PresenceState) {
  const view = state.view(origin) ?? new ReplicaView(origin, 1);
  const entries = [...view.entries.values()].map(({ clock, ref }) => `${clock}=${ref}`).sort();
  return { entries, context: view.context, cloud: [...view.cloud.runs] };
}

describe("merging deltas, slices and full states of one replica", () => {
  const cases = fc.tuple(history, cuts).map(([ops, asked]) => fragmentsOf(ops, asked));

  test("does not depend on the order", () => {
    check(
      fc.property(cases, fc.infiniteStream(fc.nat()), (fragments, numbers) => {
        const order = fragments.map((fragment) => ({ fragment, at: numbers.next().value ?? 0 }));
        order.sort((a, b) => a.at - b.at);
        const shuffled = order.map(({ fragment }) => fragment);
        expect(knowledge(mergeAll(shuffled))).toEqual(knowledge(mergeAll(fragments)));
      }),
      500,
    );
  });

  test("does not depend on how often", () => {
    check(
      fc.property(cases, (fragments) => {
        const twice = fragments.flatMap((fragment) => [fragment, fragment]);
        const again = [...twice, ...fragments].reverse();
        expect(knowledge(mergeAll(twice))).toEqual(knowledge(mergeAll(fragments)));
        expect(knowledge(mergeAll(again))).toEqual(knowledge(mergeAll(fragments)));
      }),
      500,
    );
  });

  test("does not depend on which were merged with which before", () => {
    check(
      fc.property(cases, fc.nat(), (fragments, at) => {
        const cut = at % (fragments.length + 1);
        const left = mergeAll(fragments.slice(0, cut));
        const right = mergeAll(fragments.slice(cut));
        const combined = merged(left, right);
        expect(knowledge(combined)).toEqual(knowledge(mergeAll(fragments)));
        expect(knowledge(merged(right, left))).toEqual(knowledge(combined));
      }),
      500,
    );
  });
});

/** A third observer that was sent everything that two others know. */
function merged(first: PresenceState, second: PresenceState): PresenceState {
  const state = new PresenceState(rid("third"), limits);
  state.replicaUp(origin, new DiffBuilder());
  for (const source of [first, second]) {
    // Nothing known: the whole state is asked for.
    const extract = source.extract(origin, { clock: 0, cursor: undefined }, 1_000_000);
    if (extract !== undefined) state.merge(extract.fragment, new DiffBuilder());
  }
  return state;
}
