import { type AutoscaleDecision, decide } from "./decide.js";
import type { AutoscaleHistory } from "./history.js";
import { ModelFleet } from "./model-fleet.js";
import type { AutoscalePolicy } from "./policy.js";
import type { LoadTrace } from "./trace.js";

/** How the nodes of a simulated fleet behave. */
export interface FleetModel {
  /** From the order to start a node until it takes connections. */
  readonly startMs: number;
  /** From the order to drain a node until it is gone; its clients move over evenly in that time. */
  readonly drainMs: number;
  /** Connections at which a node refuses more. */
  readonly connectionsMax: number;
  /** Share of its event loop that one connection takes. */
  readonly eventLoopPerConnection: number;
  /** New connections a second that one node can take in. */
  readonly acceptsPerSecond: number;
}

/** The model of a small node; measure your own with `simurgh load`. */
export const fleetModelDefaults: FleetModel = {
  startMs: 20_000,
  drainMs: 60_000,
  connectionsMax: 12_000,
  eventLoopPerConnection: 0.00006,
  acceptsPerSecond: 1_000,
};

/** What goes wrong in a simulation, and when. */
export type Mishap =
  /** So many ready nodes die at once. */
  | { readonly kind: "node_loss"; readonly atMs: number; readonly nodes: number }
  /** The first `nodes` nodes of the fleet cannot be measured from `atMs` until `untilMs`. */
  | {
      readonly kind: "metric_outage";
      readonly atMs: number;
      readonly untilMs: number;
      readonly nodes: number;
    };

/** One moment of a simulation. */
export interface SimulatedStep {
  readonly atMs: number;
  /** Clients that want to be connected. */
  readonly wanted: number;
  /** Clients that are. */
  readonly held: number;
  /** Clients that were turned away or wait, as no node had room or time for them. */
  readonly refused: number;
  readonly starting: number;
  readonly ready: number;
  readonly draining: number;
  /** Mean share of their connection limit that ready nodes have in use. */
  readonly utilisation: number;
  readonly decision: AutoscaleDecision;
}

/** A simulation in figures. */
export interface SimulationSummary {
  /** Time that nodes ran, all together. What it costs is this times the price of a node. */
  readonly nodeHours: number;
  /** The largest fleet, draining nodes included. */
  readonly nodesMax: number;
  /** The most clients that were outside at one time. */
  readonly refusedMax: number;
  /** Time that clients spent outside, all together. */
  readonly refusedClientMinutes: number;
  /** Mean of the utilisation over time. */
  readonly utilisationMean: number;
  /** Decisions that changed the fleet. */
  readonly changes: number;
  /** Changes of direction within ten minutes: what flapping looks like. */
  readonly reversals: number;
}

/** What came of a policy under a load. */
export interface Simulation {
  readonly steps: readonly SimulatedStep[];
  readonly summary: SimulationSummary;
}

/** Replays a load against a policy with the rule that runs in production; `intervalMs` lies between decisions. */
export function simulateAutoscale(options: {
  readonly policy: AutoscalePolicy;
  readonly trace: LoadTrace;
  readonly model: FleetModel;
  readonly mishaps: readonly Mishap[];
  readonly intervalMs: number;
}): Simulation {
  const { policy, trace, model, mishaps, intervalMs } = options;
  const fleet = new ModelFleet(model, policy.minNodes);
  const endMs = trace.at(-1)?.atMs ?? 0;
  const steps: SimulatedStep[] = [];
  let history: AutoscaleHistory | undefined;
  let cursor = 0;
  for (let atMs = 0; atMs <= endMs; atMs += intervalMs) {
    while ((trace[cursor + 1]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) cursor += 1;
    const wanted = trace[cursor]?.connections ?? 0;
    for (const mishap of mishaps) {
      if (mishap.kind === "node_loss" && mishap.atMs > atMs - intervalMs && mishap.atMs <= atMs) {
        fleet.lose(mishap.nodes);
      }
    }
    fleet.advance(atMs, intervalMs, wanted);
    const decided = decide(policy, fleet.view(atMs, blindNodes(mishaps, atMs)), history);
    history = decided.history;
    steps.push({ atMs, wanted, ...fleet.figures(wanted), decision: decided.decision });
    fleet.obey(decided.decision.action, atMs);
  }
  return { steps, summary: summarise(steps, intervalMs) };
}

function blindNodes(mishaps: readonly Mishap[], atMs: number): number {
  const now = mishaps.filter((one) => one.kind === "metric_outage" && one.atMs <= atMs && atMs < one.untilMs);
  return Math.max(0, ...now.map(({ nodes }) => nodes));
}

function summarise(steps: readonly SimulatedStep[], intervalMs: number): SimulationSummary {
  const total = (of: (step: SimulatedStep) => number) => steps.reduce((sum, step) => sum + of(step), 0);
  const most = (of: (step: SimulatedStep) => number) =>
    steps.reduce((max, step) => Math.max(max, of(step)), 0);
  const nodesOf = (step: SimulatedStep) => step.starting + step.ready + step.draining;
  const changed = steps.filter(({ decision }) => decision.action.kind !== "hold");
  const reversals = changed.filter((step, at) => {
    const before = changed[at - 1];
    if (before === undefined || step.atMs - before.atMs > 600_000) return false;
    return grows(step.decision) !== grows(before.decision);
  });
  return {
    nodeHours: (total(nodesOf) * intervalMs) / 3_600_000,
    nodesMax: most(nodesOf),
    refusedMax: most(({ refused }) => refused),
    refusedClientMinutes: (total(({ refused }) => refused) * intervalMs) / 60_000,
    utilisationMean: steps.length === 0 ? 0 : total(({ utilisation }) => utilisation) / steps.length,
    changes: changed.length,
    reversals: reversals.length,
  };
}

function grows({ desired, current }: AutoscaleDecision): boolean {
  return desired > current;
}
