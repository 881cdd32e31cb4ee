/** When a node gives connections away to emptier ones, and how fast. */
export interface RebalanceRule {
  /** How far, as a share, a node may be above the mean before it gives any away. */
  readonly tolerance: number;
  /** The surplus is spread over this time. */
  readonly windowMs: number;
  /** For so long no node must have come, gone, or begun to drain. */
  readonly stableMs: number;
  /** Connections that one node gives away in a second, at most. */
  readonly perSecondMax: number;
}

/** The fleet as one of its nodes sees it. */
export interface RebalanceView {
  readonly nowMs: number;
  /** Since when the same nodes have been ready. */
  readonly stableSinceMs: number;
  /** Connections of this node. */
  readonly own: number;
  /** Connections of every other node that is ready and said so lately. */
  readonly others: readonly number[];
}

/** What a node is giving away, and until when. */
export interface RebalancePlan {
  /** Connections that are still to go. */
  readonly left: number;
  readonly untilMs: number;
  /** When the last part was taken. */
  readonly atMs: number;
  /** What is owed of a part that was no whole connection. */
  readonly owed: number;
}

/** The part that is due now, and the plan for the rest; undefined: nothing more is to go. */
export interface RebalanceStep {
  readonly shed: number;
  readonly plan: RebalancePlan | undefined;
}

const nothing: RebalanceStep = { shed: 0, plan: undefined };

/**
 * What a node gives away now. It begins above mean x (1 + tolerance) and goes on to the mean, never below: between the
 * two lies what keeps it from beginning again at once, and who receives from giving back.
 */
export function rebalance(rule: RebalanceRule, view: RebalanceView, before?: RebalancePlan): RebalanceStep {
  const { nowMs, stableSinceMs, own, others } = view;
  if (others.length === 0 || nowMs - stableSinceMs < rule.stableMs) return nothing;
  const mean = others.reduce((sum, count) => sum + count, own) / (others.length + 1);
  const above = Math.max(0, own - Math.ceil(mean));
  const plan = before ?? begun(rule, view, mean, above);
  if (plan === undefined || above === 0) return nothing;
  // Others may have taken connections of their own meanwhile: never more than what is above the mean now.
  const left = Math.min(plan.left, above);
  const elapsedMs = Math.max(0, nowMs - plan.atMs);
  const remainingMs = plan.untilMs - plan.atMs;
  const share = remainingMs <= elapsedMs ? left : (left * elapsedMs) / remainingMs;
  const due = Math.min(left, plan.owed + share, (rule.perSecondMax * elapsedMs) / 1_000 + plan.owed);
  const shed = Math.floor(due);
  if (shed >= left) return { shed, plan: undefined };
  return { shed, plan: { left: left - shed, untilMs: plan.untilMs, atMs: nowMs, owed: due - shed } };
}

function begun(
  { tolerance, windowMs }: RebalanceRule,
  { nowMs, own }: RebalanceView,
  mean: number,
  above: number,
): RebalancePlan | undefined {
  // A difference of one connection is none.
  if (own <= mean * (1 + tolerance) || above < 1 || own - mean <= 1) return undefined;
  return { left: above, untilMs: nowMs + windowMs, atMs: nowMs, owed: 0 };
}
