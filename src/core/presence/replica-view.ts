import { DeltaLog } from "./delta-log.js";
import { DotSet } from "./dot-set.js";
import { EntriesByClock } from "./entries-by-clock.js";
import type { Cursor } from "./fragment.js";
import type { ReplicaId } from "./replica-id.js";

/** All that is known here about one replica: its causal context, cloud, live entries, and how that was learnt. */
export class ReplicaView {
  readonly id: ReplicaId;
  readonly entries = new EntriesByClock();
  readonly cloud = new DotSet();
  readonly log: DeltaLog;
  /** Every operation up to here is known, with its effect. */
  context = 0;
  /** Set in the middle of a transfer in slices. */
  cursor: Cursor | undefined;
  /** No operation above this has had an influence on what is known here. */
  top = 0;
  /** False while the replica is down: its entries are kept, and not shown. */
  visible = true;

  constructor(id: ReplicaId, logRowsMax: number) {
    this.id = id;
    this.log = new DeltaLog(logRowsMax);
  }

  covers(dot: number): boolean {
    return dot <= this.context || this.cloud.has(dot);
  }

  /** Whether every dot from `first` to `last` is known; an empty range is. */
  coversRange(first: number, last: number): boolean {
    if (last <= this.context) return true;
    const rest = Math.max(first, this.context + 1);
    return rest > last || this.cloud.coversRange(rest, last);
  }
}
