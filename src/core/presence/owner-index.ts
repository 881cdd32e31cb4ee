import type { Entry, Owner } from "./entry.js";

/** The local entries by owner. Most owners have one entry, so that one costs no structure of its own. */
export class OwnerIndex {
  readonly #owners = new Map<Owner, Entry | Map<string, Entry>>();

  get ownerCount(): number {
    return this.#owners.size;
  }

  get(owner: Owner, topic: string, key: string): Entry | undefined {
    const held = this.#owners.get(owner);
    if (held instanceof Map) return held.get(place(topic, key));
    return held !== undefined && held.topic === topic && held.key === key ? held : undefined;
  }

  of(owner: Owner): readonly Entry[] {
    const held = this.#owners.get(owner);
    if (held === undefined) return [];
    return held instanceof Map ? [...held.values()] : [held];
  }

  countOf(owner: Owner): number {
    const held = this.#owners.get(owner);
    if (held === undefined) return 0;
    return held instanceof Map ? held.size : 1;
  }

  /** Adds an entry, in the place of one with the same topic and key. */
  set(owner: Owner, entry: Entry): void {
    const held = this.#owners.get(owner);
    if (held instanceof Map) held.set(place(entry.topic, entry.key), entry);
    else if (held === undefined || (held.topic === entry.topic && held.key === entry.key)) {
      this.#owners.set(owner, entry);
    } else {
      const several = new Map([[place(held.topic, held.key), held]]);
      this.#owners.set(owner, several.set(place(entry.topic, entry.key), entry));
    }
  }

  delete(owner: Owner, entry: Entry): void {
    const held = this.#owners.get(owner);
    if (held instanceof Map) {
      held.delete(place(entry.topic, entry.key));
      if (held.size === 0) this.#owners.delete(owner);
    } else if (held === entry) this.#owners.delete(owner);
  }
}

/** The length in front keeps every pair of texts apart from every other. */
function place(topic: string, key: string): string {
  return `${topic.length}:${topic}${key}`;
}
