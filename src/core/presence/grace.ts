import type { TopicDiff } from "./diff.js";
import { DueQueue } from "./due-queue.js";
import type { Entry } from "./entry.js";

/** A leave that clients have not been told. */
interface Held {
  readonly entry: Entry;
  /** Becomes false when a join has taken it, or the entry came back. */
  waiting: boolean;
}

/** The held leaves of a topic: by key, then by ref, oldest first. */
type HeldKeys = Map<string, Map<string, Held>>;

/**
 * Holds leaves back for the time in which the same key may join elsewhere, so that a client which moves to another
 * node is no leave and join. Each join takes one held leave of its key, and both are told in one diff; an entry that
 * comes back itself is no change at all.
 */
export class Grace {
  readonly #heldMax: number;
  readonly #topics = new Map<string, HeldKeys>();
  readonly #due = new DueQueue<Held>();

  /** At most `heldMax` leaves are held; beyond that they pass at once. */
  constructor(heldMax: number) {
    this.#heldMax = heldMax;
  }

  get nextDueAt(): number | undefined {
    return this.#due.nextDueAt;
  }

  /** Leaves remembered until their time is over, over all topics. */
  get size(): number {
    return this.#due.size;
  }

  /** What clients are to be told now of a diff. `graceMs` 0 holds nothing, and still lets joins take what is held. */
  filter(topic: string, diff: TopicDiff, graceMs: number, now: number): TopicDiff {
    if (graceMs <= 0 && !this.#topics.has(topic)) return diff;
    const joins = diff.joins.filter((entry) => !this.#comesBack(topic, entry));
    const unpaired = new Map<string, number>();
    for (const { key } of joins) unpaired.set(key, (unpaired.get(key) ?? 0) + 1);
    const leaves: Entry[] = [];
    this.#takeReplaced(topic, joins, unpaired, leaves);
    for (const entry of updatesFirst(diff)) {
      const count = unpaired.get(entry.key) ?? 0;
      if (count > 0) unpaired.set(entry.key, count - 1);
      if (count > 0 || graceMs <= 0 || this.#due.size >= this.#heldMax) leaves.push(entry);
      else this.#hold(topic, entry, now + graceMs);
    }
    for (const [key, count] of unpaired) this.#take(topic, key, count, leaves);
    return { joins, leaves };
  }

  /** Leaves whose time is over, by topic. */
  expire(now: number): ReadonlyMap<string, readonly Entry[]> {
    const expired = new Map<string, Entry[]>();
    for (let held = this.#due.pop(now); held !== undefined; held = this.#due.pop(now)) {
      if (!held.waiting) continue;
      const { entry } = held;
      this.#release(entry.topic, held);
      const list = expired.get(entry.topic);
      if (list === undefined) expired.set(entry.topic, [entry]);
      else list.push(entry);
    }
    return expired;
  }

  /** Keys of a topic with entries that clients still see though they are gone. */
  heldKeys(topic: string): Iterable<string> {
    return this.#topics.get(topic)?.keys() ?? [];
  }

  /** The entries under a key that clients still see though they are gone. */
  held(topic: string, key: string): readonly Entry[] {
    const refs = this.#topics.get(topic)?.get(key);
    return refs === undefined ? [] : [...refs.values()].map((held) => held.entry);
  }

  /** An update of which the leave came first takes this one, however old others of its key are. */
  #takeReplaced(
    topic: string,
    joins: readonly Entry[],
    unpaired: Map<string, number>,
    leaves: Entry[],
  ): void {
    for (const { key, prevRef } of joins) {
      const held = prevRef === undefined ? undefined : this.#topics.get(topic)?.get(key)?.get(prevRef);
      if (held === undefined) continue;
      leaves.push(held.entry);
      this.#release(topic, held);
      unpaired.set(key, (unpaired.get(key) ?? 0) - 1);
    }
  }

  #take(topic: string, key: string, count: number, leaves: Entry[]): void {
    let left = count;
    for (const held of this.#topics.get(topic)?.get(key)?.values() ?? []) {
      if (left-- <= 0) return;
      leaves.push(held.entry);
      this.#release(topic, held);
    }
  }

  #comesBack(topic: string, entry: Entry): boolean {
    const held = this.#topics.get(topic)?.get(entry.key)?.get(entry.ref);
    if (held === undefined) return false;
    this.#release(topic, held);
    return true;
  }

  #hold(topic: string, entry: Entry, until: number): void {
    const held = { entry, waiting: true };
    this.#due.push(until, held);
    let keys = this.#topics.get(topic);
    if (keys === undefined) {
      keys = new Map();
      this.#topics.set(topic, keys);
    }
    const refs = keys.get(entry.key);
    if (refs === undefined) keys.set(entry.key, new Map([[entry.ref, held]]));
    else refs.set(entry.ref, held);
  }

  #release(topic: string, held: Held): void {
    held.waiting = false;
    const keys = this.#topics.get(topic);
    const refs = keys?.get(held.entry.key);
    if (keys === undefined || refs === undefined) return;
    refs.delete(held.entry.ref);
    if (refs.size === 0) keys.delete(held.entry.key);
    if (keys.size === 0) this.#topics.delete(topic);
  }
}

/** The leaves, those first that a join of the same diff replaces. */
function updatesFirst({ joins, leaves }: TopicDiff): readonly Entry[] {
  const replaced = new Set(joins.map((entry) => entry.prevRef));
  if (leaves.length < 2) return leaves;
  return [...leaves].sort((a, b) => Number(replaced.has(b.ref)) - Number(replaced.has(a.ref)));
}
