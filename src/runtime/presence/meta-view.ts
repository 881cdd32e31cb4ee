import type { TopicDiff } from "../../core/presence/diff.js";
import { presenceMeta } from "../../core/protocol/presence.js";
import type { JsonObject } from "../../core/shared/json.js";

type Metas = ReadonlyMap<string, readonly JsonObject[]>;

const nobody: Metas = new Map();

/** Who is present according to the diffs alone, for `handleMetas`: it must not see what is still to come. */
export class MetaView {
  readonly #topics = new Map<string, Map<string, readonly JsonObject[]>>();

  /** Takes a diff in, joins before leaves, and gives the topic as it then is. */
  apply(topic: string, { joins, leaves }: TopicDiff): Metas {
    const keys = this.#topics.get(topic) ?? new Map<string, readonly JsonObject[]>();
    for (const entry of joins) keys.set(entry.key, [...(keys.get(entry.key) ?? []), presenceMeta(entry)]);
    for (const { key, ref } of leaves) {
      const left = (keys.get(key) ?? []).filter((meta) => meta.phx_ref !== ref);
      if (left.length > 0) keys.set(key, left);
      else keys.delete(key);
    }
    if (keys.size > 0) this.#topics.set(topic, keys);
    else this.#topics.delete(topic);
    return keys.size > 0 ? keys : nobody;
  }

  /** Topics with somebody in them. */
  get size(): number {
    return this.#topics.size;
  }
}
