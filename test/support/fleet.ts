import type { NodeRow } from "../../src/cli/control/messages.js";
import { freePort } from "./http.js";
import { descendants, fixture, isRunning, type Program, runSimurgh, simurgh } from "./program.js";
import { until } from "./wait.js";

/** A fleet that `simurgh up` runs. */
export interface Fleet {
  readonly up: Program;
  readonly port: number;
  /** What `simurgh nodes --json` says. */
  nodes(): Promise<NodeRow[]>;
  /** Every process of it. */
  processes(): number[];
  /** Ends it, by force if it must be. */
  end(): Promise<void>;
}

/** Starts a fleet of `room-app.mjs` behind a free port; does not wait. */
export async function startFleet(
  args: readonly string[] = [],
  app = "room-app.mjs",
  port?: number,
  env?: NodeJS.ProcessEnv,
): Promise<Fleet> {
  const door = port ?? (await freePort());
  const up = simurgh(["up", fixture(app), "--port", String(door), ...args], env);
  return {
    up,
    port: door,
    nodes: async () => {
      const { stdout, stderr } = await runSimurgh(["nodes", "--json", "--port", String(door)]);
      return stdout === "" ? Promise.reject(new Error(stderr)) : JSON.parse(stdout);
    },
    processes: () => [up.pid, ...descendants(up.pid)],
    end: async () => {
      up.child.kill("SIGTERM");
      const late = setTimeout(() => up.child.kill("SIGKILL"), 10_000);
      await up.ended;
      clearTimeout(late);
    },
  };
}

/** Waits until none of these processes is left. */
export async function untilGone(pids: readonly number[]): Promise<void> {
  await until(() => pids.every((pid) => !isRunning(pid)), `the end of ${pids.join(", ")}`);
}
