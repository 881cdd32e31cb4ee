import type { JsonObject } from "../shared/json.js";
import type { DiffBuilder } from "./diff.js";
import type { Entry, Owner } from "./entry.js";
import { copyMeta, utf8Bytes } from "./meta.js";
import type { TrackerOptions } from "./options.js";
import type { NewEntry, PresenceState } from "./state.js";

/** Why a presence was not tracked or updated. Nothing has changed then. */
export type TrackFault =
  | "already_tracked"
  | "nopresence"
  | "meta_invalid"
  | "meta_too_large"
  | "key_too_long"
  | "too_many_presences";

/** The new entry, or why there is none. */
export type TrackResult =
  | { readonly ok: true; readonly entry: Entry }
  | { readonly ok: false; readonly reason: TrackFault };

/** A meta, or how it follows from the entry that it replaces. */
export type MetaChange = JsonObject | ((current: Entry) => JsonObject);

/** Limits of what a caller may track. */
export type TrackLimits = Pick<TrackerOptions, "metaBytesMax" | "keyBytesMax" | "presencesPerOwnerMax">;

/** What the local operations work on. */
export interface LocalOps {
  readonly state: PresenceState;
  readonly limits: TrackLimits;
  /** Makes a ref that no other call on any node makes. */
  readonly newRef: () => string;
}

/** Adds a presence. An owner has one for each topic and key. */
export function track(
  ops: LocalOps,
  owner: Owner,
  topic: string,
  key: string,
  meta: JsonObject,
  diff: DiffBuilder,
): TrackResult {
  const { owners } = ops.state;
  if (owners.get(owner, topic, key) !== undefined) return { ok: false, reason: "already_tracked" };
  if (key.length > ops.limits.keyBytesMax || utf8Bytes(key) > ops.limits.keyBytesMax) {
    return { ok: false, reason: "key_too_long" };
  }
  if (owners.countOf(owner) >= ops.limits.presencesPerOwnerMax) {
    return { ok: false, reason: "too_many_presences" };
  }
  const copy = copyMeta(meta, ops.limits.metaBytesMax);
  if (!copy.ok) return copy;
  const record = newEntry(ops, topic, key, copy, undefined);
  return { ok: true, entry: ops.state.add(owner, record, diff) };
}

/** Replaces the meta of a presence by another under a new ref. */
export function update(
  ops: LocalOps,
  owner: Owner,
  topic: string,
  key: string,
  change: MetaChange,
  diff: DiffBuilder,
): TrackResult {
  const { owners } = ops.state;
  const current = owners.get(owner, topic, key);
  if (current === undefined) return { ok: false, reason: "nopresence" };
  const meta = typeof change === "function" ? change(current) : change;
  // The function is the application's, and may have changed what it was asked about.
  if (owners.get(owner, topic, key) !== current) return update(ops, owner, topic, key, meta, diff);
  const copy = copyMeta(meta, ops.limits.metaBytesMax);
  if (!copy.ok) return copy;
  const record = newEntry(ops, topic, key, copy, current.ref);
  return { ok: true, entry: ops.state.replace(owner, current, record, diff) };
}

function newEntry(
  ops: LocalOps,
  topic: string,
  key: string,
  { meta, bytes }: { readonly meta: JsonObject; readonly bytes: number },
  prevRef: string | undefined,
): NewEntry {
  return { topic, key, ref: ops.newRef(), prevRef, bytes, meta };
}
