import type { TopicDiff } from "./diff.js";
import type { Entry } from "./entry.js";

/** Cuts a diff into several of about `max` entries. What concerns one key stays together, or updates would tear. */
export function splitDiff(diff: TopicDiff, max: number): readonly TopicDiff[] {
  if (diff.joins.length + diff.leaves.length <= max) return [diff];
  const keys = new Map<string, { joins: Entry[]; leaves: Entry[] }>();
  const of = (key: string) => {
    let part = keys.get(key);
    if (part === undefined) {
      part = { joins: [], leaves: [] };
      keys.set(key, part);
    }
    return part;
  };
  for (const entry of diff.leaves) of(entry.key).leaves.push(entry);
  for (const entry of diff.joins) of(entry.key).joins.push(entry);
  const parts: { joins: Entry[]; leaves: Entry[] }[] = [];
  let room = 0;
  for (const { joins, leaves } of keys.values()) {
    const size = joins.length + leaves.length;
    let part = parts.at(-1);
    if (part === undefined || size > room) {
      part = { joins: [], leaves: [] };
      parts.push(part);
      room = max;
    }
    for (const entry of joins) part.joins.push(entry);
    for (const entry of leaves) part.leaves.push(entry);
    room -= size;
  }
  return parts;
}
