import type { Entry, KeyedEntries } from "./entry.js";
import { SortedKeys } from "./sorted-keys.js";

/** How many are present: `keys` are users, `metas` their sessions. */
export interface Count {
  readonly keys: number;
  readonly metas: number;
}

/** Where to go on, and how far. */
export interface PageRequest {
  /** Give the `next` of the page before; absent for the first page. */
  readonly after?: string;
  readonly limit: number;
}

/** A part of a topic, in code unit order of the keys. */
export interface Page {
  readonly entries: KeyedEntries;
  /** Undefined on the last page. Valid on every node and at any later time: it is the last key of this page. */
  readonly next: string | undefined;
  readonly count: Count;
}

/** One entry under a key, as nearly always, or several. */
type Slot = Entry | Set<Entry>;

interface Topic {
  readonly name: string;
  readonly keys: Map<string, Slot>;
  metas: number;
  /** Made by the first page request, kept up to date from then on. */
  sorted: SortedKeys | undefined;
}

const none: Count = { keys: 0, metas: 0 };

/** The visible entries by topic and key. */
export class TopicIndex {
  readonly #topics = new Map<string, Topic>();

  get topicCount(): number {
    return this.#topics.size;
  }

  /** The string to keep for `topic`, so that its entries share one. */
  shared(topic: string): string {
    return this.#topics.get(topic)?.name ?? topic;
  }

  add(entry: Entry): void {
    let topic = this.#topics.get(entry.topic);
    if (topic === undefined) {
      topic = { name: entry.topic, keys: new Map(), metas: 0, sorted: undefined };
      this.#topics.set(entry.topic, topic);
    }
    topic.metas += 1;
    const slot = topic.keys.get(entry.key);
    if (slot === undefined) {
      topic.keys.set(entry.key, entry);
      topic.sorted?.add(entry.key);
    } else if (slot instanceof Set) slot.add(entry);
    else topic.keys.set(entry.key, new Set([slot, entry]));
  }

  remove(entry: Entry): void {
    const topic = this.#topics.get(entry.topic);
    const slot = topic?.keys.get(entry.key);
    if (topic === undefined || slot === undefined) return;
    if (slot instanceof Set) {
      if (!slot.delete(entry)) return;
      const [left] = slot;
      if (slot.size === 1 && left !== undefined) topic.keys.set(entry.key, left);
    } else {
      if (slot !== entry) return;
      topic.keys.delete(entry.key);
      topic.sorted?.delete(entry.key);
    }
    topic.metas -= 1;
    if (topic.metas === 0) this.#topics.delete(entry.topic);
  }

  topics(): IterableIterator<string> {
    return this.#topics.keys();
  }

  count(topic: string): Count {
    const found = this.#topics.get(topic);
    return found === undefined ? none : { keys: found.keys.size, metas: found.metas };
  }

  list(topic: string): KeyedEntries {
    return this.first(topic, Number.POSITIVE_INFINITY);
  }

  /** The `limit` keys that are there for longest. */
  first(topic: string, limit: number): KeyedEntries {
    const listed = new Map<string, readonly Entry[]>();
    for (const [key, slot] of this.#topics.get(topic)?.keys ?? []) {
      if (listed.size >= limit) break;
      listed.set(key, entriesOf(slot));
    }
    return listed;
  }

  getByKey(topic: string, key: string): readonly Entry[] {
    const slot = this.#topics.get(topic)?.keys.get(key);
    return slot === undefined ? [] : entriesOf(slot);
  }

  /** The keys of a topic, oldest first, without the cost of a list. */
  keys(topic: string): Iterable<string> {
    return this.#topics.get(topic)?.keys.keys() ?? [];
  }

  page(topic: string, { after, limit }: PageRequest): Page {
    const found = this.#topics.get(topic);
    const entries = new Map<string, readonly Entry[]>();
    if (found === undefined) return { entries, next: undefined, count: none };
    found.sorted ??= new SortedKeys(found.keys.keys());
    // One more than asked for tells whether there is a next page.
    const keys = found.sorted.after(after, limit + 1);
    const more = keys.length > limit;
    if (more) keys.pop();
    for (const key of keys) {
      const slot = found.keys.get(key);
      if (slot !== undefined) entries.set(key, entriesOf(slot));
    }
    return { entries, next: more ? keys.at(-1) : undefined, count: this.count(topic) };
  }
}

function entriesOf(slot: Slot): readonly Entry[] {
  return slot instanceof Set ? [...slot] : [slot];
}
