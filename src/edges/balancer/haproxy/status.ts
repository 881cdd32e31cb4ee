import type { ServerState } from "../../../contracts/balancer.js";
import type { ServerRow } from "./runtime-socket.js";

/**
 * One state of a server that two pools check by themselves. They see a change up to a second apart; it counts when
 * both have seen it.
 */
export function joinedState(
  rows: readonly ServerRow[],
  weight: number,
  before: ServerState | undefined,
): ServerState {
  const [first = "down", ...others] = rows.map((row) => stateOf(row.status, weight));
  if (others.every((state) => state === first)) return first;
  return before ?? "down";
}

function stateOf(status: string, weight: number): ServerState {
  if (status.startsWith("NOLB") || status.startsWith("DRAIN")) return "draining";
  if (status.startsWith("UP")) return weight === 0 ? "draining" : "up";
  return "down";
}
