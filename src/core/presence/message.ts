import type { Fragment, Known } from "./fragment.js";
import type { ReplicaId } from "./replica-id.js";

/** A replica and a clock of it, for each replica that the sender sees. */
export type Clocks = ReadonlyMap<ReplicaId, number>;

/** What trackers say to each other. Plain data; every message is also a sign of life of `from`. */
export type Message =
  /** To all: own changes since the delta before. */
  | { readonly type: "delta"; readonly from: ReplicaId; readonly fragment: Fragment }
  /** To all or to one: how much the sender knows, replicas that are down left out. */
  | { readonly type: "heartbeat"; readonly from: ReplicaId; readonly clocks: Clocks }
  /** To one: asks for what the sender is missing of the replicas it names. */
  | { readonly type: "request"; readonly from: ReplicaId; readonly known: ReadonlyMap<ReplicaId, Known> }
  /** To one: the answer. With `more`, the receiver asks again once it has merged this. */
  | {
      readonly type: "transfer";
      readonly from: ReplicaId;
      readonly fragments: readonly Fragment[];
      readonly more: boolean;
    }
  /** To all: the sender ends, and its entries with it. */
  | { readonly type: "goodbye"; readonly from: ReplicaId };
