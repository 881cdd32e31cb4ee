import type { Entry, KeyedEntries } from "./entry.js";

/** What changed in one topic. No ref is in both lists. An update is a join and a leave under the same key. */
export interface TopicDiff {
  readonly joins: readonly Entry[];
  readonly leaves: readonly Entry[];
}

/** What changed, by topic; never with a topic in which nothing did. */
export type PresenceDiff = ReadonlyMap<string, TopicDiff>;

/**
 * Changes of one topic, put together in order. What joined and left again in between, or left and came back under
 * the same ref, is no change.
 */
export class TopicChanges {
  readonly #joins = new Map<string, Entry>();
  readonly #leaves = new Map<string, Entry>();

  get size(): number {
    return this.#joins.size + this.#leaves.size;
  }

  join(entry: Entry): void {
    if (!this.#leaves.delete(entry.ref)) this.#joins.set(entry.ref, entry);
  }

  /** Returns the join that this leave undid. */
  leave(entry: Entry): Entry | undefined {
    const undone = this.#joins.get(entry.ref);
    if (undone === undefined) this.#leaves.set(entry.ref, entry);
    else this.#joins.delete(entry.ref);
    return undone;
  }

  /** Adds a later diff. A chain of updates becomes one update: of the first ref by the last. */
  absorb({ joins, leaves }: TopicDiff): void {
    const undone = new Map<string, string | undefined>();
    for (const entry of leaves) {
      const join = this.leave(entry);
      if (join !== undefined) undone.set(join.ref, join.prevRef);
    }
    for (const entry of joins) {
      const prevRef = entry.prevRef;
      const replaced = prevRef !== undefined && undone.has(prevRef);
      this.join(replaced ? { ...entry, prevRef: undone.get(prevRef) } : entry);
    }
  }

  /** How `present` looked before these changes. */
  undo(present: KeyedEntries): KeyedEntries {
    if (this.size === 0) return present;
    const before = new Map(present);
    for (const { key } of this.#joins.values()) {
      const left = (before.get(key) ?? []).filter(({ ref }) => !this.#joins.has(ref));
      if (left.length > 0) before.set(key, left);
      else before.delete(key);
    }
    for (const entry of this.#leaves.values()) {
      before.set(entry.key, [...(before.get(entry.key) ?? []), entry]);
    }
    return before;
  }

  /** Hands the changes out and starts anew. */
  take(): TopicDiff {
    const diff = { joins: [...this.#joins.values()], leaves: [...this.#leaves.values()] };
    this.#joins.clear();
    this.#leaves.clear();
    return diff;
  }
}

/** Collects the changes that one input makes, over all topics. */
export class DiffBuilder {
  readonly #topics = new Map<string, TopicChanges>();

  join(entry: Entry): void {
    this.#of(entry.topic).join(entry);
  }

  leave(entry: Entry): void {
    this.#of(entry.topic).leave(entry);
  }

  build(): PresenceDiff {
    const diff = new Map<string, TopicDiff>();
    for (const [topic, changes] of this.#topics) {
      if (changes.size > 0) diff.set(topic, changes.take());
    }
    return diff;
  }

  #of(topic: string): TopicChanges {
    let changes = this.#topics.get(topic);
    if (changes === undefined) {
      changes = new TopicChanges();
      this.#topics.set(topic, changes);
    }
    return changes;
  }
}
