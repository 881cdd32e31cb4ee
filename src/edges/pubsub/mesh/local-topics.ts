import { topicBytesMax } from "./wire.js";

/** A topic with a local subscriber. */
export interface LocalTopic {
  readonly name: string;
  readonly bytes: Buffer;
  subscribed: boolean;
}

const slotCount = 4_096;

function slotOf(buffer: Buffer, start: number, end: number): number {
  let hash = end - start;
  // Names differ at their end more often than at their beginning; 24 bytes of it are enough to spread them.
  for (let i = Math.max(start, end - 24); i < end; i++) hash = Math.imul(hash ^ (buffer[i] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) & (slotCount - 1);
}

function sameBytes(topic: Buffer, buffer: Buffer, start: number, end: number): boolean {
  if (topic.length !== end - start) return false;
  for (let i = 0; i < topic.length; i++) {
    if (topic[i] !== buffer[start + i]) return false;
  }
  return true;
}

/** UTF-8 bytes of a topic; undefined when it cannot travel: too long, or not a well-formed string. */
export function encodeTopic(topic: string): Buffer | undefined {
  const bytes = Buffer.from(topic, "utf8");
  return bytes.length <= topicBytesMax && bytes.toString("utf8") === topic ? bytes : undefined;
}

/**
 * The topics that this node has subscribers for. `find` turns the bytes of an arriving message into the topic's
 * string without decoding it, by a cache with one entry per slot: whoever chooses names that collide gets the slow
 * path, and nothing worse.
 */
export class LocalTopics {
  readonly #byName = new Map<string, LocalTopic>();
  readonly #slots: (LocalTopic | undefined)[] = new Array<LocalTopic | undefined>(slotCount).fill(undefined);

  get size(): number {
    return this.#byName.size;
  }

  /** Returns the bytes to announce; undefined when the topic was there already or cannot travel. */
  add(name: string): Buffer | undefined {
    if (this.#byName.has(name)) return undefined;
    const bytes = encodeTopic(name);
    if (bytes !== undefined) this.#byName.set(name, { name, bytes, subscribed: true });
    return bytes;
  }

  /** Returns the bytes to take back; undefined when the topic was not there. */
  remove(name: string): Buffer | undefined {
    const topic = this.#byName.get(name);
    if (topic === undefined) return undefined;
    topic.subscribed = false;
    this.#byName.delete(name);
    return topic.bytes;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  clear(): void {
    for (const topic of this.#byName.values()) topic.subscribed = false;
    this.#byName.clear();
    this.#slots.fill(undefined);
  }

  /** The bytes of every topic. */
  *bytes(): IterableIterator<Buffer> {
    for (const topic of this.#byName.values()) yield topic.bytes;
  }

  /** The subscribed topic whose bytes lie at `start` to `end`. */
  find(buffer: Buffer, start: number, end: number): string | undefined {
    const slot = slotOf(buffer, start, end);
    const cached = this.#slots[slot];
    if (cached?.subscribed && sameBytes(cached.bytes, buffer, start, end)) return cached.name;
    const topic = this.#byName.get(buffer.toString("utf8", start, end));
    if (topic === undefined) return undefined;
    this.#slots[slot] = topic;
    return topic.name;
  }
}
