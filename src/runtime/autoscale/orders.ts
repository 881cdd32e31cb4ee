import type { AutoscaleDecision, FleetView } from "../../core/autoscale/decide.js";
import type { NodeReport } from "../../core/autoscale/signal.js";

/** What was ordered and cannot be seen yet. Plain data: a new leader goes on with it. */
export interface Orders {
  /** The size that the fleet should have come to; undefined: nothing is awaited. */
  readonly awaited: { readonly nodes: number; readonly atMs: number } | undefined;
  /** Nodes that a decision sent away, and when. */
  readonly away: readonly { readonly name: string; readonly atMs: number }[];
}

/** Nothing was ordered. */
export const noOrders: Orders = { awaited: undefined, away: [] };

/** Forgets what has come about, or should have long ago. */
export function openOrders(
  orders: Orders,
  nodes: readonly NodeReport[],
  nowMs: number,
  orderMsMax: number,
): Orders {
  const stageOf = new Map(nodes.map(({ name, stage }) => [name, stage]));
  const members = nodes.filter(({ stage }) => stage !== "draining").length;
  const { awaited } = orders;
  const isOpen = awaited !== undefined && members < awaited.nodes && nowMs - awaited.atMs < orderMsMax;
  const away = orders.away.filter(({ name, atMs }) => {
    const stage = stageOf.get(name);
    return stage === "draining" || (stage !== undefined && nowMs - atMs < orderMsMax);
  });
  return { awaited: isOpen ? awaited : undefined, away };
}

/**
 * The fleet as the policy is to see it: who was ordered counts as starting before he can be seen, and who was sent away
 * as draining before he says so, or each decision would order the same again.
 */
export function viewOf(
  orders: Orders,
  nodes: readonly NodeReport[],
  nowMs: number,
  recalls: boolean,
): FleetView {
  // A driver may have chosen another than the one that was named.
  const isUnderWay = nodes.some(({ stage }) => stage === "draining");
  const away = new Set(orders.away.map(({ name }) => name));
  const seen = nodes.map((node): NodeReport => {
    const leaves = !isUnderWay && node.stage === "ready" && away.has(node.name);
    return leaves ? { ...node, stage: "draining" } : node;
  });
  const members = seen.filter(({ stage }) => stage !== "draining").length;
  const missing = Math.max(0, (orders.awaited?.nodes ?? 0) - members);
  const ordered = Array.from(
    { length: missing },
    (_, at): NodeReport => ({ name: `ordered ${at + 1}`, stage: "starting" }),
  );
  return { nowMs, nodes: [...seen, ...ordered], recallable: recalls ? [...away] : [] };
}

/** The orders once a driver has taken a decision. */
export function withOrder(orders: Orders, { action, desired, atMs }: AutoscaleDecision): Orders {
  switch (action.kind) {
    case "hold":
      return orders;
    case "add":
      return { ...orders, awaited: { nodes: desired, atMs } };
    case "keep":
      return {
        awaited: { nodes: desired, atMs },
        away: orders.away.filter(({ name }) => !action.names.includes(name)),
      };
    case "drain": {
      const awaited = orders.awaited === undefined ? undefined : { ...orders.awaited, nodes: desired };
      const away = orders.away.filter(({ name }) => name !== action.name);
      return { awaited, away: [...away, { name: action.name, atMs }] };
    }
    default:
      return action satisfies never;
  }
}
