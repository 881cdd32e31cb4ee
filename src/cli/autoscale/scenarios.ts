import type { Mishap } from "../../core/autoscale/simulate.js";
import { dailyWave, flashCrowd, type LoadTrace } from "../../core/autoscale/trace.js";

/** Loads that are made up rather than recorded. */
export const scenarioNames = ["daily-wave", "flash-crowd", "node-loss", "metric-outage"] as const;

/** One of them. */
export type ScenarioName = (typeof scenarioNames)[number];

/** A load, and what goes wrong meanwhile. */
export interface Played {
  readonly trace: LoadTrace;
  readonly mishaps: readonly Mishap[];
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** From low to high within `riseMs`, and there until the end. */
function rise(low: number, high: number, riseMs: number, endMs: number): LoadTrace {
  const points: { atMs: number; connections: number }[] = [];
  for (let atMs = 0; atMs < riseMs; atMs += 1_000) {
    points.push({ atMs, connections: Math.round(low + ((high - low) * atMs) / riseMs) });
  }
  return [...points, { atMs: riseMs, connections: high }, { atMs: endMs, connections: high }];
}

/** Makes up a load between two numbers of connections. */
export function makeScenario(name: ScenarioName, low: number, high: number): Played {
  switch (name) {
    case "daily-wave":
      return { trace: dailyWave({ low, high }), mishaps: [] };
    case "flash-crowd":
      return {
        trace: flashCrowd({ low, high, riseMs: minuteMs, stayMs: 15 * minuteMs }),
        mishaps: [],
      };
    case "node-loss":
      // The load stands still once the fleet has found its size; what then changes, the loss has caused.
      return {
        trace: rise(low, high, 15 * minuteMs, hourMs),
        mishaps: [{ kind: "node_loss", atMs: 30 * minuteMs, nodes: 2 }],
      };
    case "metric-outage":
      return {
        trace: dailyWave({ low, high }),
        mishaps: [{ kind: "metric_outage", atMs: 14 * hourMs, untilMs: 17 * hourMs, nodes: 1_000 }],
      };
    default:
      return name satisfies never;
  }
}
