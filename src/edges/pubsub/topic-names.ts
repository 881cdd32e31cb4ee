import { createHash } from "node:crypto";

/** What goes into a name as it is. Everything else may mean something to some broker. */
const safe = /^[A-Za-z0-9_:/@+-]+$/;
const unsafe = /[^A-Za-z0-9_:/@+-]/g;

/** Longest written-out topic; a longer one is hashed, since brokers keep names in memory and limit their length. */
const writtenMax = 200;

/** What a hashed name is followed by in the message: the topic's length, and the topic. */
const lengthBytes = 4;

/** Every unit on its own, so that halves of surrogate pairs, which are legal in topics, have names of their own. */
function escapeUnit(unit: string): string {
  return `=${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Writes text with letters, digits and `_:/@+-=` alone, one at least. Different texts are written differently. */
export function writeOut(text: string): string {
  if (safe.test(text)) return text;
  return text === "" ? "=" : text.replace(unsafe, escapeUnit);
}

/** A topic that is too long to be written out: a name by its hash, and what leads the message to tell the topic. */
export interface HashedName {
  readonly name: string;
  readonly head: Buffer;
}

/** Names of topics at a broker. No two topics have one name, and none can be taken for a pattern. */
export class TopicNames {
  readonly #written: string;
  readonly #hashed: string;

  constructor(prefix: string, separator: string) {
    this.#written = `${prefix}${separator}t${separator}`;
    this.#hashed = `${prefix}${separator}h${separator}`;
  }

  /** The name of a topic; undefined when it must be hashed. */
  written(topic: string): string | undefined {
    if (topic.length > writtenMax) return undefined;
    const text = writeOut(topic);
    return text.length > writtenMax ? undefined : this.#written + text;
  }

  /** The name of a topic that is too long. */
  hashed(topic: string): HashedName {
    // Not UTF-8, in which halves of surrogate pairs all look the same.
    const bytes = Buffer.from(topic, "utf16le");
    const head = Buffer.allocUnsafe(lengthBytes + bytes.length);
    head.writeUInt32LE(bytes.length, 0);
    head.set(bytes, lengthBytes);
    return { name: this.#hashed + createHash("sha256").update(bytes).digest("base64url"), head };
  }
}
