import type { Entry, KeyedEntries } from "./entry.js";
import type { Grace } from "./grace.js";
import type { Count, TopicIndex } from "./topic-index.js";

/** What clients take for present: what is, and what is gone with its leave held back. */
export class PresentTopics {
  readonly #index: TopicIndex;
  readonly #grace: Grace;

  constructor(index: TopicIndex, grace: Grace) {
    this.#index = index;
    this.#grace = grace;
  }

  entries(topic: string, key: string): readonly Entry[] {
    const live = this.#index.getByKey(topic, key);
    const held = this.#grace.held(topic, key);
    return held.length === 0 ? live : [...live, ...held];
  }

  *keys(topic: string): Iterable<string> {
    yield* this.#index.keys(topic);
    for (const key of this.#grace.heldKeys(topic)) {
      if (this.#index.getByKey(topic, key).length === 0) yield key;
    }
  }

  list(topic: string): KeyedEntries {
    const listed = new Map(this.#index.list(topic));
    for (const key of this.#grace.heldKeys(topic)) listed.set(key, this.entries(topic, key));
    return listed;
  }

  /** Constant in the size of the topic; grows with the number of leaves held back in it. */
  count(topic: string): Count {
    let { keys, metas } = this.#index.count(topic);
    for (const key of this.#grace.heldKeys(topic)) {
      metas += this.#grace.held(topic, key).length;
      if (this.#index.getByKey(topic, key).length === 0) keys += 1;
    }
    return { keys, metas };
  }
}
