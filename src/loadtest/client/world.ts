import type { Ledger } from "../delivery/ledger.js";
import type { TopicGroup } from "../delivery/topic-group.js";
import type { LoadPlan } from "../scenario/plan.js";
import type { Stamps } from "../wire/stamp.js";
import type { Recorder } from "../worker/recorder.js";
import type { Connection, ConnectionOwner } from "./connection.js";
import type { Publisher } from "./publisher.js";

/** What the clients of one worker share. */
export interface ClientWorld {
  readonly plan: LoadPlan;
  readonly worker: number;
  readonly run: string;
  readonly stamps: Stamps;
  readonly ledger: Ledger;
  readonly recorder: Recorder;
  readonly groups: ReadonlyMap<number, TopicGroup>;
  readonly publisher: Publisher;
  /** Microseconds since the run's zero. */
  nowUs(): number;
  /** Opens a connection for a client. */
  open(client: number, owner: ConnectionOwner): Connection;
  /** Whether lost clients are no longer brought back. */
  isOver(): boolean;
  /** A client has joined all its topics, or no longer has. */
  onJoined(change: 1 | -1): void;
  /** A connection is open, or no longer is. */
  onOpen(change: 1 | -1): void;
  /** A message that is to be replied to was sent, or its reply has come. */
  onAwaited(change: 1 | -1): void;
  /** A client will not come back. */
  onGone(): void;
}
