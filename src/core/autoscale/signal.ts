/** What a node may be measured by. Each is compared with the node's capacity for it. */
export const signalNames = ["connections", "eventLoop", "rssBytes", "queuedBytes", "publishLagMs"] as const;

/**
 * One of the signals.
 * - `connections`: sockets that the node holds.
 * - `eventLoop`: share of time that the event loop was busy, 0 to 1 (Node's event loop utilization).
 * - `rssBytes`: resident memory. It seldom falls with the load: good to scale out on, slow to scale in on.
 * - `queuedBytes`: bytes that wait for slow readers.
 * - `publishLagMs`: time from a broadcast to its arrival on another node.
 */
export type SignalName = (typeof signalNames)[number];

/** What one node says of itself. A signal that it does not measure is left out. */
export type SignalValues = { readonly [Name in SignalName]?: number };

/** `starting`: not ready yet. `ready`: it takes connections. `draining`: it gives its connections away. */
export type NodeStage = "starting" | "ready" | "draining";

const stages: readonly unknown[] = ["starting", "ready", "draining"] satisfies readonly NodeStage[];

/** Whether a value out of a message is a stage. */
export function isNodeStage(value: unknown): value is NodeStage {
  return stages.includes(value);
}

/** Takes the signals out of a message; what is no number is left out. */
export function readSignalValues(values: Readonly<Record<string, unknown>>): SignalValues {
  const read: Record<string, number> = {};
  for (const name of signalNames) {
    const value = values[name];
    if (typeof value === "number") read[name] = value;
  }
  return read;
}

/** One node as the one who decides sees it. */
export interface NodeReport {
  /** Unique in the fleet. */
  readonly name: string;
  readonly stage: NodeStage;
  /** When `values` were measured, on the clock of the one who decides. */
  readonly measuredAtMs?: number;
  /** Undefined when the node did not answer. */
  readonly values?: SignalValues;
}

/**
 * How many times its capacity a node may claim to use before its word is taken for a fault of the measurement. An
 * event loop cannot be busier than always.
 */
const usageCredible: Readonly<Record<SignalName, number>> = {
  connections: 10,
  eventLoop: 1.001,
  rssBytes: 100,
  queuedBytes: 10_000,
  publishLagMs: 10_000,
};

/** What a node uses of its capacity, or why that is not known. */
export type Usage =
  | { readonly known: true; readonly usage: number }
  | { readonly known: false; readonly why: "missing" | "stale" | "incredible" };

/** Reads one signal of a node; values that are old or cannot be are not known rather than believed. */
export function usageOf(
  report: NodeReport,
  signal: SignalName,
  capacity: number,
  nowMs: number,
  ageMaxMs: number,
): Usage {
  const value = report.values?.[signal];
  if (value === undefined || report.measuredAtMs === undefined) return { known: false, why: "missing" };
  if (nowMs - report.measuredAtMs > ageMaxMs) return { known: false, why: "stale" };
  const usage = value / capacity;
  const credible = Number.isFinite(usage) && usage >= 0 && usage <= usageCredible[signal];
  return credible ? { known: true, usage } : { known: false, why: "incredible" };
}
