import type { LoadPlan } from "../scenario/plan.js";
import type { Recorded } from "../worker/recorder.js";

/** Grows when messages change; a worker of another version is refused. */
export const linkVersion = 1;

/** What the coordinator tells a worker. Times are microseconds since the run's zero. */
export type ToWorker =
  | { readonly kind: "time"; readonly sentUs: number; readonly clockUs: number }
  | {
      readonly kind: "plan";
      readonly run: string;
      readonly worker: number;
      readonly workers: number;
      /** The run's zero on the coordinator's clock. */
      readonly zeroUs: number;
      readonly plan: LoadPlan;
    }
  | { readonly kind: "ramp"; readonly atUs: number }
  | { readonly kind: "go"; readonly atUs: number }
  | { readonly kind: "kill"; readonly fromUs: number; readonly toUs: number }
  | ({ readonly kind: "relay" } & Relay)
  /** Publish no more, and no longer bring lost clients back. */
  | { readonly kind: "stop" }
  /** Judge what is left, close everything, and tell the rest. */
  | { readonly kind: "finish" };

/** What a worker tells the coordinator. */
export type FromWorker =
  | { readonly kind: "time"; readonly sentUs: number }
  | { readonly kind: "ready"; readonly pid: number; readonly host: string; readonly clockErrorUs: number }
  | ({ readonly kind: "tick" } & Tick)
  | ({ readonly kind: "relay" } & Relay)
  | { readonly kind: "status"; readonly status: WorkerStatus }
  | ({ readonly kind: "final" } & Tick);

/** Messages that one worker has sent, told to the others, so that they know what their clients should have got. */
export interface Relay {
  readonly worker: number;
  /** For each topic: its number, the number of the first message, and when it and those after it were sent. */
  readonly published: readonly (readonly [topic: number, seq: number, sentUs: readonly number[]])[];
  /** Messages whose sender has lost its connection soon after: topic and number. */
  readonly doubted: readonly (readonly [topic: number, seq: number])[];
}

/** How a worker's clients stand. */
export interface WorkerStatus {
  /** Connections that are open. */
  readonly open: number;
  /** Clients that have joined all their topics. */
  readonly joined: number;
  /** The fewest of them since the last tick. */
  readonly joinedMin: number;
  /** Clients that will not come back: the server told them so. */
  readonly gone: number;
  /** Clients of this worker in all. */
  readonly clients: number;
  /** Messages that somebody still waits for, and replies that are still to come. */
  readonly pending: number;
}

/** How a worker itself does: whether it, and not the server, is the limit. */
export interface WorkerWatch {
  /** Part of one core that the process took, from 0 to 1 and more. */
  readonly cpu: number;
  /** How late its event loop was, beyond its usual tick. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly rssBytes: number;
}

/** What was measured between two times. */
export interface Tick {
  readonly fromUs: number;
  readonly toUs: number;
  readonly status: WorkerStatus;
  readonly recorded: Recorded;
  readonly watch: WorkerWatch;
}
