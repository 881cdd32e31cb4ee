import type { TopicDiff } from "../presence/diff.js";
import type { Entry, KeyedEntries } from "../presence/entry.js";
import type { Count } from "../presence/topic-index.js";
import type { Json, JsonObject } from "../shared/json.js";

/** Names of the presence events on the wire; the last is not Phoenix's, and its clients ignore it. */
export const presenceEvents = {
  state: "presence_state",
  diff: "presence_diff",
  count: "presence_count",
} as const;

/** The application's meta with the refs that clients tell metas apart by. */
export function presenceMeta({ meta, ref, prevRef }: Entry): JsonObject {
  return prevRef === undefined
    ? { ...withoutRefs(meta), phx_ref: ref }
    : { ...meta, phx_ref: ref, phx_ref_prev: prevRef };
}

/** A meta as `presenceMeta` made it, without what that added: an update is often computed from such a one. */
export function withoutRefs(meta: JsonObject): JsonObject {
  if (!Object.hasOwn(meta, "phx_ref") && !Object.hasOwn(meta, "phx_ref_prev")) return meta;
  const { phx_ref: _ref, phx_ref_prev: _prevRef, ...own } = meta;
  return own;
}

/** Payload of `presence_state`: every key with its metas. Without a prototype, so that any key is just a key. */
export function presenceState(entries: KeyedEntries): JsonObject {
  const state: Record<string, Json> = Object.create(null);
  for (const [key, list] of entries) state[key] = { metas: list.map(presenceMeta) };
  return state;
}

/** Payload of `presence_diff`: only the metas that changed. */
export function presenceDiff({ joins, leaves }: TopicDiff): JsonObject {
  return { joins: presenceState(byKey(joins)), leaves: presenceState(byKey(leaves)) };
}

/** Payload of `presence_count`. */
export function presenceCount({ keys, metas }: Count): JsonObject {
  return { keys, metas };
}

function byKey(entries: readonly Entry[]): KeyedEntries {
  const keys = new Map<string, Entry[]>();
  for (const entry of entries) {
    const list = keys.get(entry.key);
    if (list === undefined) keys.set(entry.key, [entry]);
    else list.push(entry);
  }
  return keys;
}
