import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Balancer } from "../../../contracts/balancer.js";
import type { Logger } from "../../../contracts/logger.js";
import type { Address } from "../../../contracts/network.js";
import { assert } from "../../../core/shared/assert.js";
import { SimurghError } from "../../../runtime/errors.js";
import { haproxyConfig } from "./config.js";
import { keepRunning, type Supervised } from "./keep-running.js";
import { checkConfig } from "./process.js";
import { createSteering } from "./steering.js";

/** Settings of {@link haproxyBalancer}; the bounds have defaults. */
export interface HaproxyBalancerOptions {
  /** Where clients come in. */
  readonly door: readonly Address[];
  readonly logger: Logger;
  /** Path of the `haproxy` binary. */
  readonly binary: string;
  /** A private folder for the config and the runtime socket. */
  readonly folder: string;
  /** Clients at a time; more wait in the system's queue. Each takes two open files. Default 8,192. */
  readonly connectionsMax?: number;
  /** Connections that one server may hold; more wait up to 5 s, then get 503. Default 8,192. */
  readonly serverConnectionsMax?: number;
  /** How long a WebSocket may be silent: above two heartbeats of a client. Default 120,000. */
  readonly tunnelTimeoutMs?: number;
  /** How long a server that is added, or that was lost, needs to come to its weight. Default 5,000. */
  readonly rampMs?: number;
  /** Time between two comparisons of the servers that HAProxy has with those that it is to have. Default 1,000. */
  readonly reconcilePeriodMs?: number;
}

const defaults = {
  connectionsMax: 8_192,
  serverConnectionsMax: 8_192,
  tunnelTimeoutMs: 120_000,
  rampMs: 5_000,
  reconcilePeriodMs: 1_000,
};

/** How long HAProxy may take to answer one command. */
const answerMsMax = 2_000;

/** HAProxy as the front door, run and steered by this process. */
export function haproxyBalancer(options: HaproxyBalancerOptions): Balancer {
  const settings = { ...defaults, ...options };
  const { binary, folder, logger } = options;
  const configPath = join(folder, "haproxy.cfg");
  const socketPath = join(folder, "haproxy.sock");
  const steering = createSteering({
    ...settings,
    socket: { path: socketPath, answerMsMax },
    writeConfig: (servers) => replaceFile(configPath, haproxyConfig({ ...settings, servers, socketPath })),
  });
  let running: Supervised | undefined;

  return {
    kind: "haproxy",
    start: async (servers) => {
      assert(running === undefined, "a balancer starts once");
      await steering.begin(servers);
      const complaint = await checkConfig(binary, configPath);
      if (complaint !== undefined) throw new SimurghError("balancer_start_failed", complaint);
      running = keepRunning({ binary, configPath, socketPath, logger });
      await running.up;
      steering.keep();
    },
    add: steering.add,
    update: steering.update,
    remove: steering.remove,
    status: steering.status,
    stop: async () => {
      steering.stop();
      await running?.stop();
    },
  };
}

/** Whoever reads the file reads all of the old text or all of the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
