import type { LoadPlan } from "../scenario/plan.js";
import type { CounterName, Distribution, LatencyName } from "./metrics.js";

/** The version of the report's format. It grows when a reader of the old one would misread the new one. */
export const reportVersion = 1;

/** What `simurgh load` found out. Times are milliseconds, and seconds since the ramp began where they say so. */
export interface LoadReport {
  readonly format: "simurgh-load";
  readonly version: typeof reportVersion;
  readonly name: string;
  /** When the ramp began, in ISO 8601. */
  readonly startedAt: string;
  /** Who the limit was; the first thing to know. */
  readonly verdict: Verdict;
  /** How the run ended. `done` alone is a whole run. */
  readonly ended: RunEnd;
  /** What else is to be known before the figures are believed. */
  readonly warnings: readonly string[];
  /** What was run; whatever may be a secret is replaced. */
  readonly scenario: LoadPlan;
  /** Second at which publishing began; null when it never did. */
  readonly measuredFromS: number | null;
  readonly measuredToS: number | null;
  readonly totals: {
    readonly counters: Readonly<Record<CounterName, number>>;
    readonly latencies: Readonly<Partial<Record<LatencyName, Distribution>>>;
    /** Deliveries a second while messages were published. */
    readonly throughput: number;
    /** Clients that had joined when publishing began, and at most. */
    readonly joined: number;
    readonly joinedMax: number;
    readonly openMax: number;
  };
  /** Each whole distribution as an HDR histogram of microseconds, compressed, in base64. */
  readonly histograms: Readonly<Partial<Record<LatencyName, string>>>;
  /** What went wrong, how often, most frequent first. */
  readonly failures: readonly { readonly name: string; readonly count: number }[];
  readonly timeline: readonly TimelinePoint[];
  readonly events: readonly RunEvent[];
  readonly workers: readonly WorkerReport[];
  readonly machine: { readonly node: string; readonly cpus: number; readonly platform: string };
  readonly asserts: readonly AssertResult[];
  readonly search: SearchReport | null;
}

/** How a run ended. */
export type RunEnd = "done" | "interrupted" | "nobody joined" | "workers lost";

/** Who the limit was. */
export interface Verdict {
  readonly limit: "none" | "generator";
  readonly text: string;
}

/** What happened in one stretch of time. */
export interface TimelinePoint {
  /** Seconds since the ramp began. */
  readonly fromS: number;
  readonly toS: number;
  readonly open: number;
  readonly joined: number;
  /** The fewest that had joined at any moment of the stretch. */
  readonly joinedMin: number;
  readonly counters: Readonly<Partial<Record<CounterName, number>>>;
  readonly latencies: Readonly<Partial<Record<LatencyName, Distribution>>>;
  /** The busiest worker: part of a core, and how late its event loop was. */
  readonly cpuMax: number;
  readonly loopMaxMs: number;
}

/** Something that was done at a time. */
export interface RunEvent {
  readonly atS: number;
  readonly name: string;
  readonly kind: "phase" | "hook" | "kill" | "storm" | "worker";
  /** What came of it. */
  readonly result: string | null;
}

/** How one worker did. */
export interface WorkerReport {
  readonly worker: number;
  readonly host: string;
  readonly pid: number;
  readonly clients: number;
  readonly cpuMean: number;
  readonly cpuMax: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly rssBytesMax: number;
  /** How wrong its clock may be against the coordinator's; 0 on the same machine. */
  readonly clockErrorUs: number;
}

/** What became of an assertion. */
export interface AssertResult {
  readonly text: string;
  /** Null when there was nothing to measure; the assertion then fails. */
  readonly value: number | null;
  readonly passed: boolean;
}

/** What a search for a limit found. */
export interface SearchReport {
  readonly what: "connections" | "rate";
  readonly bound: string;
  /** The largest value that kept the bound, or null. */
  readonly best: number | null;
  readonly tries: readonly {
    readonly value: number;
    readonly measured: number | null;
    readonly passed: boolean;
  }[];
}
