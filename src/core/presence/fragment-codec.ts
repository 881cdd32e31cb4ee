import { end, type Runs, start } from "./dot-set.js";
import type { EntryRecord } from "./entry.js";
import type { Fragment } from "./fragment.js";
import { freezeInner } from "./meta.js";
import { parseReplicaId } from "./replica-id.js";
import { isCount, isParsedObject } from "./wire-checks.js";

/** Most dead dots that one fragment may name one by one; far above what a delta log holds. */
const deadDotsMax = 1_048_576;

/** A fragment as JSON values: entries in groups of one topic each. */
export function encodeFragment(fragment: Fragment): unknown[] {
  const { replica, from, to, base, facts, top, dots } = fragment;
  return [replica, from, to, base, facts, top, dots, groupsOf(fragment.entries)];
}

function groupsOf(entries: readonly EntryRecord[]): unknown[] {
  const groups = new Map<string, unknown[]>();
  for (const { topic, key, clock, ref, prevRef, bytes, meta } of entries) {
    let group = groups.get(topic);
    if (group === undefined) {
      group = [topic];
      groups.set(topic, group);
    }
    group.push([key, clock, ref, prevRef ?? 0, bytes, meta]);
  }
  return [...groups.values()];
}

/** Reads what `encodeFragment` wrote; undefined when anything does not fit together. */
export function decodeFragment(value: unknown): Fragment | undefined {
  if (!Array.isArray(value)) return undefined;
  const [id, from, to, base, facts, top, dots, groups] = value;
  const replica = parseReplicaId(id);
  if (replica === undefined || !isCount(from) || !isCount(to) || from > to) return undefined;
  if (!isCount(base) || base < from || !isCount(facts) || !isCount(top)) return undefined;
  if (!isRuns(dots, from) || !Array.isArray(groups)) return undefined;
  const entries = decodeGroups(groups);
  const fragment = entries && { replica, from, to, base, facts, top, dots, entries };
  return fragment && listsOnlyCovered(fragment) ? fragment : undefined;
}

/** Sorted runs apart from each other, with a bounded number of dots up to `from`. */
function isRuns(value: unknown, from: number): value is Runs {
  if (!Array.isArray(value) || value.length % 2 !== 0 || !value.every(isCount)) return false;
  let last = 0;
  let dead = 0;
  for (let i = 0; i < value.length; i += 2) {
    if (start(value, i) <= last || end(value, i) < start(value, i)) return false;
    last = end(value, i);
    dead += Math.max(0, Math.min(last, from) - start(value, i) + 1);
  }
  return dead <= deadDotsMax;
}

function decodeGroups(groups: readonly unknown[]): EntryRecord[] | undefined {
  const entries: EntryRecord[] = [];
  for (const group of groups) {
    if (!Array.isArray(group) || typeof group[0] !== "string") return undefined;
    for (let i = 1; i < group.length; i++) {
      const entry = decodeEntry(group[0], group[i]);
      if (entry === undefined) return undefined;
      entries.push(entry);
    }
  }
  // Grouping by topic has mixed the clocks; views take ascending ones without sorting.
  return entries.sort((a, b) => a.clock - b.clock);
}

function decodeEntry(topic: string, value: unknown): EntryRecord | undefined {
  if (!Array.isArray(value)) return undefined;
  const [key, clock, ref, prev, bytes, meta] = value;
  if (typeof key !== "string" || !isCount(clock) || typeof ref !== "string" || !isCount(bytes))
    return undefined;
  if (prev !== 0 && typeof prev !== "string") return undefined;
  const frozen = isParsedObject(meta) ? freezeInner(meta) : undefined;
  if (frozen === undefined) return undefined;
  return { topic, key, clock, ref, prevRef: prev === 0 ? undefined : prev, bytes, meta: frozen };
}

/** Every entry has a dot of its own that lies in the range or, beyond it, in the dots. Both are sorted. */
function listsOnlyCovered({ from, to, dots, entries }: Fragment): boolean {
  let last = from;
  let at = 0;
  for (const { clock } of entries) {
    if (clock <= last) return false;
    last = clock;
    if (clock <= to) continue;
    while (at < dots.length && end(dots, at) < clock) at += 2;
    if (at >= dots.length || start(dots, at) > clock) return false;
  }
  return true;
}
