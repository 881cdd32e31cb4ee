import { SimurghError } from "../../runtime/errors.js";
import type { ControlRequest } from "../control/messages.js";
import type { DrainNodeOptions, Fleet } from "./fleet.js";

/** How often somebody who waits for a drain hears of it. */
const progressMs = 500;

/** Does what a fleet is asked over its control socket. */
export async function obey(
  fleet: Fleet,
  request: ControlRequest,
  progress: (line: string) => void,
): Promise<unknown> {
  switch (request.command) {
    case "nodes":
      return fleet.rows();
    case "drain":
      return drainNode(fleet, request.name, request, progress);
    case "cancel-drain":
      return fleet.cancelDrain(request.name);
    default:
      return request satisfies never;
  }
}

/**
 * Drains a node and tells of it all the while. Resolves when it is gone; rejects with `drain_failed` when that did not
 * come in good order, or not at all.
 */
export async function drainNode(
  fleet: Fleet,
  name: string,
  options: DrainNodeOptions,
  progress: (line: string) => void,
): Promise<void> {
  const tell = async () => {
    const row = await fleet.row(name);
    if (row?.stage === "draining" && row.pid !== null)
      progress(`${name} drains: ${row.connections} connections`);
  };
  const timer = setInterval(() => void tell(), progressMs);
  try {
    const departure = await fleet.drainNode(name, options);
    if (departure.how === "drained" || departure.how === "down") return progress(`${name} is gone`);
    if (departure.how === "kept")
      throw new SimurghError("drain_failed", `the drain of ${name} was called off`);
    throw new SimurghError(
      "drain_failed",
      `${name} ${departure.how} while it drained: ${departure.reason}; it is gone, and not started again`,
    );
  } finally {
    clearInterval(timer);
  }
}
