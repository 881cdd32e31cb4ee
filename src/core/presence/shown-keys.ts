import { TopicChanges, type TopicDiff } from "./diff.js";
import type { Entry, KeyedEntries } from "./entry.js";
import type { PresentTopics } from "./present-topics.js";

/**
 * The keys of one topic that clients see by name, at most `max`. When one goes, another takes its place at the next
 * take, so that there are `max` as long as the topic has so many.
 */
export class ShownKeys {
  readonly #topic: string;
  readonly #max: number;
  readonly #present: PresentTopics;
  readonly #keys = new Set<string>();
  readonly #changes = new TopicChanges();

  constructor(topic: string, max: number, present: PresentTopics) {
    this.#topic = topic;
    this.#max = max;
    this.#present = present;
  }

  /** Shows as many as there are, without telling: for clients that will be sent the whole. */
  fill(): void {
    this.#refill(() => {});
  }

  /** Joins and leaves not told yet. */
  get waiting(): number {
    return this.#changes.size;
  }

  /** What clients have been told of. */
  told(): KeyedEntries {
    const entries = new Map<string, readonly Entry[]>();
    for (const key of this.#keys) entries.set(key, this.#present.entries(this.#topic, key));
    return this.#changes.undo(entries);
  }

  /** Takes a diff in; it has happened already. */
  absorb({ joins, leaves }: TopicDiff): void {
    const shown = (entry: Entry) => this.#keys.has(entry.key);
    this.#changes.absorb({ joins: joins.filter(shown), leaves: leaves.filter(shown) });
    for (const { key } of leaves) {
      if (this.#keys.has(key) && this.#present.entries(this.#topic, key).length === 0) this.#keys.delete(key);
    }
  }

  /** What clients are to be told since the take before. */
  take(): TopicDiff {
    this.#refill((entry) => this.#changes.join(entry));
    return this.#changes.take();
  }

  #refill(tell: (entry: Entry) => void): void {
    if (this.#keys.size >= this.#max) return;
    // At most `max` of the keys that come first are shown already, so this ends early.
    for (const key of this.#present.keys(this.#topic)) {
      if (this.#keys.has(key)) continue;
      this.#keys.add(key);
      for (const entry of this.#present.entries(this.#topic, key)) tell(entry);
      if (this.#keys.size >= this.#max) return;
    }
  }
}
