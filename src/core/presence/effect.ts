import type { PresenceDiff } from "./diff.js";
import type { LivenessFault } from "./liveness.js";
import type { Message } from "./message.js";
import type { ReplicaId } from "./replica-id.js";

/** What the surroundings of a tracker have to do, in order. */
export type TrackerEffect =
  /** Send to every other tracker. */
  | { readonly type: "broadcast"; readonly message: Message }
  /** Send to one. */
  | { readonly type: "send"; readonly to: ReplicaId; readonly message: Message }
  /** What is visible changed; already the case when this is read. */
  | { readonly type: "diff"; readonly diff: PresenceDiff }
  /** A replica changed its standing; for telemetry. */
  | { readonly type: "replica"; readonly replica: ReplicaId; readonly status: ReplicaStatus }
  /** A replica is ignored; for the log. */
  | { readonly type: "fault"; readonly replica: ReplicaId; readonly fault: LivenessFault };

/** Standing of another replica. */
export type ReplicaStatus = "up" | "down" | "permdown";
