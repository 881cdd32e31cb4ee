import { assert } from "../shared/assert.js";
import {
  type AutoscaleHistory,
  beginHistory,
  changedWithin,
  lastChangeAtMs,
  withChange,
  withWish,
} from "./history.js";
import type { AutoscalePolicy, Pace } from "./policy.js";
import type { NodeReport } from "./signal.js";
import { type SignalWish, signalWishes } from "./wish.js";

/** What is to be done now. */
export type AutoscaleAction =
  | { readonly kind: "hold" }
  /** Start so many nodes. */
  | { readonly kind: "add"; readonly count: number }
  /** Let these go on that are draining: their capacity is wanted again. */
  | { readonly kind: "keep"; readonly names: readonly string[]; readonly add: number }
  /** Drain this one; it has the fewest connections. */
  | { readonly kind: "drain"; readonly name: string };

/** What held the fleet back from what the signals asked for. */
export type Restraint =
  | "min_nodes"
  | "max_nodes"
  | "stabilisation"
  | "step"
  | "cool_down"
  | "unmeasured"
  | "drain_in_progress";

/** One decision, with its reasons. */
export interface AutoscaleDecision {
  readonly atMs: number;
  /** Nodes that start or are ready. */
  readonly current: number;
  /** What the fleet should be, of all that was asked for and allowed. */
  readonly desired: number;
  readonly action: AutoscaleAction;
  readonly wishes: readonly SignalWish[];
  /** In the order in which they took hold. */
  readonly restraints: readonly Restraint[];
}

/** The fleet as it is when a decision is due. */
export interface FleetView {
  /** On a clock that never goes back. */
  readonly nowMs: number;
  readonly nodes: readonly NodeReport[];
  /** Draining nodes whose drain may be called off: those that a decision of this policy sent away. */
  readonly recallable: readonly string[];
}

/** A decision, and the history for the next one. */
export interface Decided {
  readonly decision: AutoscaleDecision;
  readonly history: AutoscaleHistory;
}

/** Decides once. Pure: the same policy, view and history give the same decision. */
export function decide(policy: AutoscalePolicy, view: FleetView, before?: AutoscaleHistory): Decided {
  const { nowMs } = view;
  const current = view.nodes.filter(({ stage }) => stage !== "draining").length;
  const wishes = signalWishes(policy, view.nodes, nowMs);
  const restraints: Restraint[] = [];
  const bounded = bound(policy, wished(wishes, current, restraints), restraints);
  const windows = { outMs: policy.scaleOut.stabilisationMs, inMs: policy.scaleIn.stabilisationMs };
  const history = withWish(before ?? beginHistory(nowMs, current), nowMs, bounded, windows);
  const steady = bound(policy, stabilise(history, current, bounded, restraints), restraints);
  const desired = paced(policy, history, nowMs, current, steady, restraints);
  const action = actionFor(view, current, desired, restraints);
  const change = changeOf(action);
  const keepMs = Math.max(
    ...[policy.scaleOut, policy.scaleIn].map((pace) => Math.max(pace.stepPeriodMs, pace.coolDownMs)),
  );
  return {
    decision: { atMs: nowMs, current, desired, action, wishes, restraints: [...new Set(restraints)] },
    history: change === 0 ? history : withChange(history, nowMs, change, keepMs),
  };
}

/** The largest wish. Nothing measured at all, or not every node when it would shrink: the fleet as it is. */
function wished(wishes: readonly SignalWish[], current: number, restraints: Restraint[]): number {
  const known = wishes.flatMap(({ nodes }) => (nodes === undefined ? [] : [nodes]));
  const most = known.length === 0 ? current : Math.max(...known);
  const blind = wishes.some(({ nodes, unmeasured }) => nodes === undefined || unmeasured.length > 0);
  if (!blind || most > current) return most;
  restraints.push("unmeasured");
  return current;
}

function bound(policy: AutoscalePolicy, nodes: number, restraints: Restraint[]): number {
  if (nodes < policy.minNodes) {
    restraints.push("min_nodes");
    return policy.minNodes;
  }
  if (nodes > policy.maxNodes) {
    restraints.push("max_nodes");
    return policy.maxNodes;
  }
  return nodes;
}

function stabilise(
  history: AutoscaleHistory,
  current: number,
  wish: number,
  restraints: Restraint[],
): number {
  const smallest = history.smallest[0]?.nodes ?? wish;
  const largest = history.largest[0]?.nodes ?? wish;
  const steady = Math.min(Math.max(current, smallest), largest);
  if (steady !== wish) restraints.push("stabilisation");
  return steady;
}

function paced(
  policy: AutoscalePolicy,
  history: AutoscaleHistory,
  nowMs: number,
  current: number,
  wish: number,
  restraints: Restraint[],
): number {
  if (wish === current) return current;
  const sign = wish > current ? 1 : -1;
  const pace = sign > 0 ? policy.scaleOut : policy.scaleIn;
  const last = lastChangeAtMs(history, sign);
  // Below its bounds, the fleet is brought back without waiting.
  const outside = current < policy.minNodes || current > policy.maxNodes;
  if (!outside && last !== undefined && nowMs - last < pace.coolDownMs) {
    restraints.push("cool_down");
    return current;
  }
  const allowed = stepLeft(pace, history, nowMs, sign, current);
  const step = Math.min(Math.abs(wish - current), allowed);
  if (step < Math.abs(wish - current)) restraints.push("step");
  return current + sign * step;
}

function stepLeft(
  pace: Pace,
  history: AutoscaleHistory,
  nowMs: number,
  sign: 1 | -1,
  current: number,
): number {
  const done = changedWithin(history, nowMs, sign, pace.stepPeriodMs);
  const atStart = Math.max(0, current - sign * done);
  const whole = Math.max(pace.stepNodes, Math.floor((atStart * pace.stepPercent) / 100));
  return Math.max(0, whole - done);
}

function actionFor(
  view: FleetView,
  current: number,
  desired: number,
  restraints: Restraint[],
): AutoscaleAction {
  const draining = view.nodes.filter(({ stage }) => stage === "draining");
  if (desired > current) {
    const back = draining.filter(({ name }) => view.recallable.includes(name)).slice(0, desired - current);
    if (back.length === 0) return { kind: "add", count: desired - current };
    return { kind: "keep", names: back.map(({ name }) => name), add: desired - current - back.length };
  }
  if (desired === current) return { kind: "hold" };
  if (draining.length > 0) {
    restraints.push("drain_in_progress");
    return { kind: "hold" };
  }
  return { kind: "drain", name: victimOf(view.nodes) };
}

/** The node with the fewest connections; one that has not started yet has none. */
function victimOf(nodes: readonly NodeReport[]): string {
  const rank = ({ stage, values }: NodeReport) =>
    stage === "starting" ? -1 : (values?.connections ?? Number.POSITIVE_INFINITY);
  const order = [...nodes].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  const victim = order[0];
  assert(victim !== undefined, "a fleet without nodes does not shrink");
  return victim.name;
}

function changeOf(action: AutoscaleAction): number {
  if (action.kind === "add") return action.count;
  if (action.kind === "keep") return action.names.length + action.add;
  return action.kind === "drain" ? -1 : 0;
}
