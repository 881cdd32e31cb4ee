import { SimurghError } from "../../runtime/errors.js";
import type { DrainNodeOptions, Fleet } from "./fleet.js";

/** How often somebody who waits for a drain hears of it. */
const progressMs = 500;

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
