import { end, type Runs, start } from "./dot-set.js";
import type { Entry, EntryRecord } from "./entry.js";
import type { Cursor, Fragment } from "./fragment.js";
import type { ReplicaView } from "./replica-view.js";

/** What a merge changes. `removed` are already out of the view; `added` are for the caller to put in. */
export interface Merged {
  readonly added: readonly EntryRecord[];
  readonly removed: readonly Entry[];
  /** False when everything was known before. */
  readonly changed: boolean;
}

/**
 * Merges a fragment into what is known about its replica: entries of dots not known yet are added, entries of dots
 * that the fragment covers and does not list are removed, and its dots become known. Commutative, associative,
 * idempotent. Undefined when it must not be merged: as good as lost, a transfer repairs it.
 */
export function mergeFragment(
  view: ReplicaView,
  fragment: Fragment,
  cloudRunsMax: number,
): Merged | undefined {
  if (!mayMerge(view, fragment, cloudRunsMax)) return undefined;
  const added = fragment.entries.filter((entry) => !view.covers(entry.clock));
  const removed = absent(view, fragment);
  const dead = newlyDead(view, fragment, removed);
  const changed = added.length > 0 || removed.length > 0 || !coversAll(view, fragment);
  const before = { context: view.context, cursor: view.cursor };
  for (const entry of removed) view.entries.delete(entry.clock);
  addDots(view, fragment);
  view.cursor = nextCursor(view, fragment, before);
  if (changed) {
    view.top = Math.max(view.top, fragment.top);
    if (fragment.from === 0) view.log.reset(fragment.top);
    else view.log.record(fragment.from, fragment.top, dead);
  }
  return { added, removed, changed };
}

function mayMerge(view: ReplicaView, fragment: Fragment, cloudRunsMax: number): boolean {
  if (fragment.base > fragment.from && !reaches(view, fragment)) return false;
  let runs = view.cloud.runCount + (fragment.from > view.context ? 1 : 0);
  for (let i = 0; i < fragment.dots.length; i += 2) {
    if (end(fragment.dots, i) > view.context) runs += 1;
  }
  return runs <= cloudRunsMax;
}

/** Whether the effects that a continuing fragment leaves out are known here. */
function reaches(view: ReplicaView, { from, base }: Fragment): boolean {
  if (view.context >= base) return true;
  return view.cursor !== undefined && view.cursor.upTo >= from && view.cursor.facts >= base;
}

function coversAll(view: ReplicaView, fragment: Fragment): boolean {
  if (!view.coversRange(fragment.from + 1, fragment.to)) return false;
  for (let i = 0; i < fragment.dots.length; i += 2) {
    if (!view.coversRange(start(fragment.dots, i), end(fragment.dots, i))) return false;
  }
  return true;
}

/** Entries here which the fragment covers and does not list. */
function absent(view: ReplicaView, fragment: Fragment): readonly Entry[] {
  const found: Entry[] = [];
  if (view.entries.size === 0) return found;
  view.entries.collect(fragment.from + 1, fragment.to, found);
  const dots: Runs = fragment.dots;
  for (let i = 0; i < dots.length; i += 2) view.entries.collect(start(dots, i), end(dots, i), found);
  if (found.length === 0) return found;
  const listed = new Set<number>();
  for (const entry of fragment.entries) listed.add(entry.clock);
  return found.filter((entry) => !listed.has(entry.clock));
}

/** Dots below the range whose death is news, for the log. Those in the range are implied by it. */
function newlyDead(view: ReplicaView, fragment: Fragment, removed: readonly Entry[]): number[] {
  const dead: number[] = [];
  for (const entry of removed) {
    if (entry.clock <= fragment.from) dead.push(entry.clock);
  }
  for (let i = 0; i < fragment.dots.length && start(fragment.dots, i) <= fragment.from; i += 2) {
    const last = Math.min(end(fragment.dots, i), fragment.from);
    for (let dot = Math.max(start(fragment.dots, i), view.context + 1); dot <= last; dot++) {
      if (!view.cloud.has(dot)) dead.push(dot);
    }
  }
  return dead;
}

function addDots(view: ReplicaView, fragment: Fragment): void {
  for (let i = 0; i < fragment.dots.length; i += 2) {
    const last = end(fragment.dots, i);
    if (last > view.context) view.cloud.add(Math.max(start(fragment.dots, i), view.context + 1), last);
  }
  if (fragment.to > view.context && fragment.to > fragment.from) {
    if (fragment.from <= view.context) view.context = fragment.to;
    else view.cloud.add(fragment.from + 1, fragment.to);
  }
  view.context = view.cloud.compact(view.context);
}

function nextCursor(
  view: ReplicaView,
  fragment: Fragment,
  before: { readonly context: number; readonly cursor: Cursor | undefined },
): Cursor | undefined {
  const old = before.cursor !== undefined && before.cursor.facts > view.context ? before.cursor : undefined;
  // Across a gap the fragment says nothing about the dots below it.
  const tells = fragment.base > fragment.from || fragment.from <= before.context;
  if (!tells || fragment.facts <= view.context) return old;
  if (old !== undefined) {
    // Going on counts more than knowing more facts: a transfer that does not come further would not end.
    const goesOn = fragment.from <= old.upTo && fragment.to > old.upTo;
    if (!goesOn && fragment.facts <= old.facts) return old;
  }
  return { upTo: fragment.to, facts: fragment.facts };
}
