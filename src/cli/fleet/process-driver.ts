import type { AutoscaleDecision } from "../../core/autoscale/decide.js";
import { SimurghError } from "../../runtime/errors.js";
import type { RecallingDriver } from "./autoscaler.js";
import type { Fleet } from "./fleet.js";

/** What {@link processDriver} is made of. */
export interface ProcessDriverOptions {
  readonly fleet: Pick<Fleet, "reports" | "addNode" | "drainNode" | "cancelDrain">;
  /** The time of each drain. */
  readonly drainMsMax: number;
  readonly err: (line: string) => void;
}

/** Scales the fleet of `simurgh up`: its nodes are processes of this machine. */
export function processDriver({ fleet, drainMsMax, err }: ProcessDriverOptions): RecallingDriver {
  /** Nodes that were sent away by decisions, and are still there. */
  const sent = new Set<string>();
  let closed = false;

  const members = () => fleet.reports().filter(({ stage }) => stage !== "draining");

  /** Resolves when the nodes have names, and so are counted; that one is not ready in time is told. */
  const growTo = async (desired: number) => {
    for (let missing = desired - members().length; missing > 0 && !closed; missing--) {
      await new Promise<void>((resolve, reject) => {
        fleet
          .addNode({}, () => resolve())
          .catch((error: unknown) => {
            err(`autoscale a new node failed: ${text(error)}`);
            reject(error);
          });
      });
    }
  };

  const keep = async (names: readonly string[]) => {
    await Promise.all(
      // One that is gone already is made up for by a new node.
      names.map((name) => fleet.cancelDrain(name).catch((error: unknown) => err(`autoscale ${text(error)}`))),
    );
  };

  const send = (name: string) => {
    const departure = fleet.drainNode(name, { limitMs: drainMsMax });
    sent.add(name);
    void departure
      .catch((error: unknown) => err(`autoscale ${text(error)}`))
      .finally(() => sent.delete(name));
  };

  const apply = async ({ action, desired }: AutoscaleDecision) => {
    if (action.kind === "hold") return;
    if (action.kind === "drain") {
      if (members().length > desired) send(action.name);
      return;
    }
    if (action.kind === "keep") await keep(action.names);
    await growTo(desired);
  };

  return {
    kind: "process",
    recalls: true,
    recallable: () => [...sent],
    apply: async (decision) => {
      try {
        await apply(decision);
      } catch (cause) {
        throw new SimurghError("scale_driver_failed", text(cause), { cause });
      }
    },
    close: async () => {
      closed = true;
    },
  };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
