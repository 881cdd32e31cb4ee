import type { Runs } from "./dot-set.js";
import type { EntryRecord } from "./entry.js";
import type { ReplicaId } from "./replica-id.js";

/**
 * A part of what is known about one replica's entries: a delta, a slice of the full state, or all of it.
 *
 * It covers the dots above `from` up to `to`, and those in `dots`. A covered dot with an entry here is live; a
 * covered dot without one is dead. It also carries the effect of every operation above `base` up to `to`: what
 * such an operation removed is covered here, or lies in the range.
 */
export interface Fragment {
  readonly replica: ReplicaId;
  readonly from: number;
  readonly to: number;
  /**
   * Equal to `from` nearly always: then a fragment may be merged by anyone, also across a gap. When higher, it
   * continues a transfer, and is only for receivers whose cursor has reached `from` and knows of `base`.
   */
  readonly base: number;
  /** No dot up to `to` that died by an operation up to here is shown live. */
  readonly facts: number;
  /** No operation above this has had an influence on this fragment. */
  readonly top: number;
  readonly dots: Runs;
  readonly entries: readonly EntryRecord[];
}

/**
 * How far a transfer in slices has come: of the dots up to `upTo`, every death by an operation up to `facts` is
 * known. Needed while `facts` is beyond the context, which only counts operations known without a gap.
 */
export interface Cursor {
  readonly upTo: number;
  readonly facts: number;
}

/** What a replica knows about another one, as it says in a transfer request. */
export interface Known {
  readonly clock: number;
  readonly cursor: Cursor | undefined;
}
