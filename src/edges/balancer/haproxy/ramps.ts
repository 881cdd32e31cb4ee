import { rampedWeight } from "../ramp.js";
import type { ConfigServer } from "./config.js";
import type { ActualServer } from "./state.js";

/** Which servers are new, and how much of their weight they have. */
export interface Ramps {
  /** A server that takes its first connections from now on. */
  begin(key: string): void;
  /** What the checks say; a server that was lost comes back empty, and begins anew. */
  note(key: string, operation: ActualServer["operation"]): void;
  forget(key: string): void;
  /** The server with the weight that it has now. */
  apply(server: ConfigServer): ConfigServer;
}

/** Makes the ramps of a door; `rampMs` 0 makes none. */
export function createRamps(rampMs: number, nowMs: () => number): Ramps {
  /** When each began; undefined: it is lost, and has not begun again. */
  const begun = new Map<string, number | undefined>();
  return {
    begin: (key) => void begun.set(key, nowMs()),
    note: (key, operation) => {
      if (operation === "stopped") begun.set(key, undefined);
      else if (operation === "running" && begun.has(key) && begun.get(key) === undefined)
        begun.set(key, nowMs());
    },
    forget: (key) => void begun.delete(key),
    apply: (entry) => {
      const { key, server } = entry;
      if (!begun.has(key)) return entry;
      const sinceMs = nowMs() - (begun.get(key) ?? nowMs());
      // HAProxy knows whole weights only, and 0 would be a drain.
      const weight = Math.min(server.weight, Math.ceil(rampedWeight(server.weight, sinceMs, rampMs)));
      return { key, server: { ...server, weight } };
    },
  };
}
