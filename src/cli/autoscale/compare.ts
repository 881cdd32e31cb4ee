import {
  type FleetModel,
  type Mishap,
  type SimulatedStep,
  type SimulationSummary,
  simulateAutoscale,
} from "../../core/autoscale/simulate.js";
import type { LoadTrace } from "../../core/autoscale/trace.js";
import type { NamedPolicy } from "./inputs.js";

/** A stretch of a simulation: what was worst in it, and the mean of its utilisation. */
export interface Stretch {
  readonly atMs: number;
  readonly wanted: number;
  readonly held: number;
  readonly refused: number;
  /** All that run, draining and starting ones included. */
  readonly nodes: number;
  readonly ready: number;
  readonly utilisation: number;
}

/** What came of one policy. */
export interface PolicyRun extends NamedPolicy {
  readonly summary: SimulationSummary;
  readonly stretches: readonly Stretch[];
  /** The decisions that changed the fleet. */
  readonly changes: readonly SimulatedStep[];
}

/** Several policies under the same load. */
export interface Comparison {
  /** The scenario, or the file of the trace. */
  readonly load: string;
  readonly model: FleetModel;
  readonly mishaps: readonly Mishap[];
  readonly intervalMs: number;
  readonly runs: readonly PolicyRun[];
}

/** Stretches of a simulation that are shown; more points than a chart is wide tell nobody anything. */
const stretchesMax = 480;

/** Replays the load against each policy. */
export function comparePolicies(
  policies: readonly NamedPolicy[],
  played: { readonly load: string; readonly trace: LoadTrace; readonly mishaps: readonly Mishap[] },
  model: FleetModel,
  intervalMs: number,
): Comparison {
  const { load, trace, mishaps } = played;
  const runs = policies.map((named): PolicyRun => {
    const { steps, summary } = simulateAutoscale({
      policy: named.policy,
      trace,
      model,
      mishaps,
      intervalMs,
    });
    const changes = steps.filter(({ decision }) => decision.action.kind !== "hold");
    return { ...named, summary, changes, stretches: stretchesOf(steps, stretchesMax) };
  });
  return { load, model, mishaps, intervalMs, runs };
}

/** Cuts a simulation into so many stretches at most. */
export function stretchesOf(steps: readonly SimulatedStep[], most: number): Stretch[] {
  const size = Math.max(1, Math.ceil(steps.length / most));
  const stretches: Stretch[] = [];
  for (let from = 0; from < steps.length; from += size) {
    const part = steps.slice(from, from + size);
    const largest = (of: (step: SimulatedStep) => number) => Math.max(...part.map(of));
    stretches.push({
      atMs: part[0]?.atMs ?? 0,
      wanted: largest(({ wanted }) => wanted),
      held: largest(({ held }) => held),
      refused: largest(({ refused }) => refused),
      nodes: largest(({ starting, ready, draining }) => starting + ready + draining),
      ready: Math.min(...part.map(({ ready }) => ready)),
      utilisation: part.reduce((sum, { utilisation }) => sum + utilisation, 0) / part.length,
    });
  }
  return stretches;
}
