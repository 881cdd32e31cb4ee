import type { AutoscaleDecision } from "../../../src/core/autoscale/decide.js";
import { type AutoscalePolicy, policyDefaults } from "../../../src/core/autoscale/policy.js";
import type { NodeReport, NodeStage, SignalValues } from "../../../src/core/autoscale/signal.js";

/** A policy on connections alone, 100 a node at most and 50 wished for, without brakes. */
export function policyOf(given: Partial<AutoscalePolicy> = {}): AutoscalePolicy {
  const free = { stabilisationMs: 0, stepNodes: 100, stepPercent: 100, stepPeriodMs: 1_000, coolDownMs: 0 };
  return {
    ...policyDefaults,
    minNodes: 1,
    maxNodes: 20,
    signals: { connections: { capacity: 100, target: 0.5 } },
    scaleOut: free,
    scaleIn: free,
    ...given,
  };
}

/** A node measured at 0 ms. */
export function node(name: string, values?: SignalValues, stage: NodeStage = "ready"): NodeReport {
  return values === undefined ? { name, stage } : { name, stage, measuredAtMs: 0, values };
}

/** Ready nodes `n0`, `n1` … with these connections. */
export function fleet(...connections: readonly number[]): NodeReport[] {
  return connections.map((count, at) => node(`n${at}`, { connections: count }));
}

/** The parts of a decision that a table compares. */
export function gist({ desired, action, restraints }: AutoscaleDecision) {
  return { desired, action, restraints };
}
