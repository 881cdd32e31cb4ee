import fc from "fast-check";
import { DiffBuilder, type PresenceDiff } from "../../../src/core/presence/diff.js";
import type { Entry } from "../../../src/core/presence/entry.js";
import { type ReplicaId, replicaId } from "../../../src/core/presence/replica-id.js";
import { PresenceState } from "../../../src/core/presence/state.js";

/** The id of a start of a node at a time that tests need not care about. */
export function rid(name: string, startedAtMs = 1_000): ReplicaId {
  const id = replicaId(name, startedAtMs, "0");
  if (id === undefined) throw new Error(`no replica id for ${name}`);
  return id;
}

export const limits = { deltaLogMax: 10_000, cloudRunsMax: 16_384 };

/** Refs that say who made them and in which order. */
export function refs(name: string): () => string {
  let count = 0;
  return () => `${name}${++count}`;
}

/** A state with shorthands for tests of the set alone. */
export class Set1 {
  readonly state: PresenceState;
  readonly #newRef: () => string;

  constructor(name: string, given: Partial<typeof limits> = {}) {
    this.state = new PresenceState(rid(name), { ...limits, ...given });
    this.#newRef = refs(name);
  }

  get id(): ReplicaId {
    return this.state.self;
  }

  add(key: string, topic = "t", owner = key): Entry {
    const record = { topic, key, ref: this.#newRef(), prevRef: undefined, bytes: 2, meta: {} };
    return this.state.add(owner, record, new DiffBuilder());
  }

  remove(key: string, topic = "t", owner = key): void {
    const entry = this.state.owners.get(owner, topic, key);
    if (entry !== undefined) this.state.remove(owner, entry, new DiffBuilder());
  }

  replace(key: string, topic = "t", owner = key): Entry {
    const entry = this.state.owners.get(owner, topic, key);
    if (entry === undefined) throw new Error(`${key} is not there`);
    const record = { topic, key, ref: this.#newRef(), prevRef: entry.ref, bytes: 2, meta: {} };
    return this.state.replace(owner, entry, record, new DiffBuilder());
  }

  /** What happens to the visible entries while `act` runs. */
  diff(act: (diff: DiffBuilder) => void): PresenceDiff {
    const diff = new DiffBuilder();
    act(diff);
    return diff.build();
  }

  knows(...others: Set1[]): this {
    for (const { id } of others) this.state.replicaUp(id, new DiffBuilder());
    return this;
  }

  /** Takes from `other` all it has about `id`, its own entries unless told otherwise; stops when nothing comes of it. */
  pull(other: Set1, id = other.id, bytesMax = 1_000_000): PresenceDiff {
    return this.diff((diff) => {
      while (this.#pullSlice(other, id, bytesMax, diff));
    });
  }

  #pullSlice(other: Set1, id: ReplicaId, bytesMax: number, diff: DiffBuilder): boolean {
    const view = this.state.view(id);
    if (view === undefined) return false;
    const before = { clock: view.context, cursor: view.cursor };
    const extract = other.state.extract(id, before, bytesMax);
    if (extract === undefined) return false;
    this.state.merge(extract.fragment, diff);
    return !extract.complete && (view.context > before.clock || view.cursor !== before.cursor);
  }

  refs(topic = "t"): string[] {
    return [...this.state.topics.list(topic).values()].flatMap((list) => list.map(({ ref }) => ref)).sort();
  }
}

/** A diff as lists of refs, sorted, of the topic "t". */
export function refsOf(diff: PresenceDiff, topic = "t"): { joins: string[]; leaves: string[] } {
  const { joins, leaves } = diff.get(topic) ?? { joins: [], leaves: [] };
  return { joins: joins.map(({ ref }) => ref).sort(), leaves: leaves.map(({ ref }) => ref).sort() };
}

/**
 * Checks a property with the seed that is kept here, so that every run tries the same; PROPERTY_RUNS asks for more
 * runs, and PROPERTY_SEED for others ("random" for new ones).
 */
export function check<T>(property: fc.IProperty<T>, runs = 200): void {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  const numRuns = PROPERTY_RUNS === undefined ? runs : Number(PROPERTY_RUNS);
  if (PROPERTY_SEED === "random") fc.assert(property, { numRuns });
  else fc.assert(property, { numRuns, seed: Number(PROPERTY_SEED ?? 20_240_601) });
}
