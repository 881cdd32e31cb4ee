import type { AutoscalePolicy, SignalTarget } from "./policy.js";
import { type NodeReport, type SignalName, signalNames, usageOf } from "./signal.js";

/** What one signal asks for. */
export interface SignalWish {
  readonly signal: SignalName;
  /** Nodes that the signal wants, before bounds; undefined when no node could be measured. */
  readonly nodes: number | undefined;
  /** Mean use of the capacity over the nodes that could be measured; undefined without any. */
  readonly usage: number | undefined;
  readonly target: number;
  /** Nodes that are ready and could not be measured: the fleet does not shrink while there is one. */
  readonly unmeasured: readonly string[];
}

/** What every signal of the policy asks for. Draining nodes are left out of all of it. */
export function signalWishes(
  policy: AutoscalePolicy,
  fleet: readonly NodeReport[],
  nowMs: number,
): readonly SignalWish[] {
  const members = fleet.filter(({ stage }) => stage !== "draining");
  const wishes: SignalWish[] = [];
  for (const signal of signalNames) {
    const target = policy.signals[signal];
    if (target !== undefined) wishes.push(wishOf(signal, target, policy, members, nowMs));
  }
  return wishes;
}

/**
 * The rule of target tracking, `desired = ceil(current x usage / target)`, as Kubernetes' horizontal autoscaler has
 * it, with its answer to missing data: a node that starts or cannot be measured counts as idle before the fleet
 * grows, so that it grows no further than what is known demands; and the fleet does not shrink on a guess.
 */
function wishOf(
  signal: SignalName,
  { capacity, target }: SignalTarget,
  policy: AutoscalePolicy,
  members: readonly NodeReport[],
  nowMs: number,
): SignalWish {
  let total = 0;
  let measured = 0;
  const unmeasured: string[] = [];
  for (const member of members) {
    const found = usageOf(member, signal, capacity, nowMs, policy.metricAgeMaxMs);
    if (found.known) {
      total += found.usage;
      measured += 1;
    } else if (member.stage === "ready") {
      unmeasured.push(member.name);
    }
  }
  const usage = measured === 0 ? undefined : total / measured;
  const nodes =
    measured === 0 ? undefined : within(total / target, members.length, policy, unmeasured.length);
  return { signal, nodes, usage, target, unmeasured };
}

/** Rounds the demand, in nodes, up to what the fleet should be; within the tolerance that is what it is. */
function within(demand: number, current: number, policy: AutoscalePolicy, unmeasured: number): number {
  const working = Math.max(1, current - policy.spareNodes);
  const off = demand / working - 1;
  if (Math.abs(off) <= policy.tolerance || (off < 0 && unmeasured > 0)) return working + policy.spareNodes;
  // A sum of shares may end a hair above a whole number.
  return Math.max(1, Math.ceil(demand - 1e-9)) + policy.spareNodes;
}
