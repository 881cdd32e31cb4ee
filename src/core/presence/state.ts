import { assert } from "../shared/assert.js";
import type { DiffBuilder } from "./diff.js";
import { createEntry, type Entry, type EntryRecord, type Owner } from "./entry.js";
import { type Extract, extractFragment } from "./extract.js";
import type { Fragment, Known } from "./fragment.js";
import { mergeFragment } from "./merge.js";
import { OwnerIndex } from "./owner-index.js";
import type { ReplicaId } from "./replica-id.js";
import { ReplicaView } from "./replica-view.js";
import { TopicIndex } from "./topic-index.js";

/** Sizes that bound the state. */
export interface StateLimits {
  /** Removals remembered for each replica, to answer transfer requests with deltas. */
  readonly deltaLogMax: number;
  /** Gaps remembered for each replica; a fragment that would make more is not merged. */
  readonly cloudRunsMax: number;
}

/** What a new local entry consists of, besides its clock. */
export type NewEntry = Omit<EntryRecord, "clock">;

/** How a fragment was received. */
export type MergeOutcome =
  /** It brought something new. */
  | "merged"
  /** All of it was known. */
  | "known"
  /** Its replica is not known here, or is this one. */
  | "foreign"
  /** It must not be merged now; a transfer repairs it. */
  | "refused";

/**
 * The replicated set of presences: an observed-remove set in which each replica alone adds and removes its own
 * entries. All changes of what is visible go into the diff that the caller hands in.
 */
export class PresenceState {
  readonly self: ReplicaId;
  /** What can be seen: the entries of all replicas that are not down. */
  readonly topics = new TopicIndex();
  /** The local entries. */
  readonly owners = new OwnerIndex();
  readonly #views = new Map<ReplicaId, ReplicaView>();
  readonly #own: ReplicaView;
  readonly #limits: StateLimits;

  constructor(self: ReplicaId, limits: StateLimits) {
    this.self = self;
    this.#limits = limits;
    this.#own = new ReplicaView(self, limits.deltaLogMax);
    this.#views.set(self, this.#own);
  }

  /** The own clock: the number of operations so far. */
  get clock(): number {
    return this.#own.context;
  }

  add(owner: Owner, record: NewEntry, diff: DiffBuilder): Entry {
    const topic = this.topics.shared(record.topic);
    const entry = createEntry({ ...record, clock: this.#tick() }, topic, this.self, owner);
    this.owners.set(owner, entry);
    this.#put(this.#own, entry, diff);
    return entry;
  }

  remove(owner: Owner, entry: Entry, diff: DiffBuilder): void {
    this.#kill(entry);
    this.owners.delete(owner, entry);
    this.#hide(entry, diff);
  }

  /** A removal and an addition, two ticks, under the same topic and key. */
  replace(owner: Owner, entry: Entry, record: NewEntry, diff: DiffBuilder): Entry {
    this.#kill(entry);
    // Hidden after the other one is shown, so that the key keeps its place in lists.
    const next = this.add(owner, record, diff);
    this.#hide(entry, diff);
    return next;
  }

  knows(id: ReplicaId): boolean {
    return this.#views.has(id);
  }

  /** What is known about a replica, for tests and gauges. */
  view(id: ReplicaId): ReplicaView | undefined {
    return this.#views.get(id);
  }

  views(): IterableIterator<ReplicaView> {
    return this.#views.values();
  }

  /** A replica was heard of, for the first time or again: entries kept from before are shown again. */
  replicaUp(id: ReplicaId, diff: DiffBuilder): void {
    const view = this.#views.get(id);
    if (view === undefined) {
      this.#views.set(id, new ReplicaView(id, this.#limits.deltaLogMax));
    } else if (!view.visible) {
      view.visible = true;
      for (const entry of view.entries.values()) {
        this.topics.add(entry);
        diff.join(entry);
      }
    }
  }

  /** A replica is silent: its entries are kept, and hidden. */
  replicaDown(id: ReplicaId, diff: DiffBuilder): void {
    const view = this.#views.get(id);
    if (view === undefined || view === this.#own || !view.visible) return;
    view.visible = false;
    for (const entry of view.entries.values()) this.#hide(entry, diff);
  }

  /** A replica is gone for good: all that is known about it is dropped, and not taken from others again. */
  forget(id: ReplicaId, diff: DiffBuilder): void {
    assert(id !== this.self, "a replica does not forget itself");
    this.replicaDown(id, diff);
    this.#views.delete(id);
  }

  /** Puts another replica's knowledge in. Entries of replicas that are not known here are ignored. */
  merge(fragment: Fragment, diff: DiffBuilder): MergeOutcome {
    const view = this.#views.get(fragment.replica);
    if (view === undefined || view === this.#own) return "foreign";
    const merged = mergeFragment(view, fragment, this.#limits.cloudRunsMax);
    if (merged === undefined) return "refused";
    // Additions first, so that a key whose entry was replaced keeps its place in lists.
    for (const record of merged.added) {
      const entry = createEntry(record, this.topics.shared(record.topic), view.id, undefined);
      if (view.visible) this.#put(view, entry, diff);
      else view.entries.set(entry);
    }
    if (view.visible) for (const entry of merged.removed) this.#hide(entry, diff);
    return merged.changed ? "merged" : "known";
  }

  /** What someone who knows `known` about a replica is missing of it; undefined when nothing, as far as known here. */
  extract(id: ReplicaId, known: Known, bytesMax: number): Extract | undefined {
    const view = this.#views.get(id);
    return view === undefined ? undefined : extractFragment(view, known, bytesMax);
  }

  #tick(): number {
    const clock = this.#own.context + 1;
    this.#own.context = clock;
    this.#own.top = clock;
    return clock;
  }

  #kill(entry: Entry): void {
    const clock = this.#tick();
    this.#own.entries.delete(entry.clock);
    this.#own.log.record(clock - 1, clock, [entry.clock]);
  }

  #put(view: ReplicaView, entry: Entry, diff: DiffBuilder): void {
    view.entries.set(entry);
    this.topics.add(entry);
    diff.join(entry);
  }

  #hide(entry: Entry, diff: DiffBuilder): void {
    this.topics.remove(entry);
    diff.leave(entry);
  }
}
