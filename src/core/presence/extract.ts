import { end, type Runs, runsOf, start } from "./dot-set.js";
import { type Entry, wireBytes } from "./entry.js";
import type { Fragment, Known } from "./fragment.js";
import type { ReplicaView } from "./replica-view.js";

/** A fragment cut to size. */
export interface Extract {
  readonly fragment: Fragment;
  readonly bytes: number;
  /** False when there is more for the same receiver once it has merged this. */
  readonly complete: boolean;
}

/**
 * The smallest fragment that takes a receiver from what it knows to what is known here, or the first slice of it
 * when it has more than `bytesMax`. Undefined when there is nothing for it.
 */
export function extractFragment(view: ReplicaView, known: Known, bytesMax: number): Extract | undefined {
  if (view.context <= known.clock && view.cloud.runCount === 0) return undefined;
  const plan = planFor(view, known);
  const dead = runsOf(plan.dead);
  const slice = takeEntries(view, plan.from, bytesMax - dead.length * runBytes);
  const to = slice.complete ? view.context : Math.min(view.context, slice.last);
  const beyond = slice.complete ? view.cloud.runs : clip(view.cloud.runs, slice.last);
  const fragment: Fragment = {
    replica: view.id,
    from: plan.from,
    to,
    base: plan.base,
    facts: view.context,
    top: view.top,
    dots: [...dead, ...beyond],
    entries: slice.entries,
  };
  const bytes = slice.bytes + fragment.dots.length * runBytes + headBytes;
  return { fragment, bytes, complete: slice.complete };
}

/** Rough size of one number of a run, and of what surrounds a fragment. */
const runBytes = 8;
const headBytes = 256;

interface Plan {
  readonly from: number;
  readonly base: number;
  readonly dead: number[];
}

function planFor(view: ReplicaView, known: Known): Plan {
  const everything: Plan = { from: 0, base: 0, dead: [] };
  const cursor = known.cursor;
  if (cursor !== undefined && cursor.upTo <= view.context) {
    const going = view.log.sinceFacts(cursor.upTo, cursor.facts);
    if (going !== undefined)
      return { from: going.from, base: Math.max(going.from, cursor.facts), dead: going.dead };
  }
  const delta = view.log.since(Math.min(known.clock, view.context));
  // More dead dots to list than entries alive: then everything is the smaller answer.
  if (delta === undefined || delta.dead.length > view.entries.size) return everything;
  return { from: delta.from, base: delta.from, dead: delta.dead };
}

interface Slice {
  readonly entries: readonly Entry[];
  readonly bytes: number;
  /** Clock of the last entry taken. */
  readonly last: number;
  readonly complete: boolean;
}

/** Entries above `from`, lowest first, as many as fit; at least one, so that every slice leads on. */
function takeEntries(view: ReplicaView, from: number, bytesMax: number): Slice {
  const entries: Entry[] = [];
  let bytes = 0;
  let last = from;
  let complete = true;
  view.entries.walk(from, (entry) => {
    const size = wireBytes(entry);
    if (entries.length > 0 && bytes + size > bytesMax) {
      complete = false;
      return false;
    }
    entries.push(entry);
    bytes += size;
    last = entry.clock;
    return true;
  });
  return { entries, bytes, last, complete };
}

/** The part of `runs` up to `last`. */
function clip(runs: Runs, last: number): number[] {
  const kept: number[] = [];
  for (let i = 0; i < runs.length && start(runs, i) <= last; i += 2) {
    kept.push(start(runs, i), Math.min(end(runs, i), last));
  }
  return kept;
}
