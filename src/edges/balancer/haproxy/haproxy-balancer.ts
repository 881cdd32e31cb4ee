import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Balancer, BalancerServer, ServerState, ServerStatus } from "../../../contracts/balancer.js";
import type { Logger } from "../../../contracts/logger.js";
import type { Address } from "../../../contracts/network.js";
import { assert } from "../../../core/shared/assert.js";
import { SimurghError } from "../../../runtime/errors.js";
import { configName, haproxyConfig, pools } from "./config.js";
import { keepRunning, type Supervised } from "./keep-running.js";
import { checkConfig } from "./process.js";
import { parseServerRows, runtimeCommand, showServers } from "./runtime-socket.js";

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
}

const defaults = { connectionsMax: 8_192, serverConnectionsMax: 8_192, tunnelTimeoutMs: 120_000 };

const answerMsMax = 2_000;

/** HAProxy as the front door, run and steered by this process. */
export function haproxyBalancer(options: HaproxyBalancerOptions): Balancer {
  const settings = { ...defaults, ...options };
  const { binary, folder, logger } = options;
  const configPath = join(folder, "haproxy.cfg");
  const socketPath = join(folder, "haproxy.sock");
  let servers: readonly BalancerServer[] = [];
  let running: Supervised | undefined;

  const writeConfig = async () => {
    const text = haproxyConfig({ ...settings, servers, socketPath });
    await writeFile(configPath, text, { mode: 0o600 });
  };

  return {
    kind: "haproxy",
    start: async (given) => {
      assert(running === undefined, "a balancer starts once");
      servers = given;
      await writeConfig();
      const complaint = await checkConfig(binary, configPath);
      if (complaint !== undefined) throw new SimurghError("balancer_start_failed", complaint);
      running = keepRunning({ binary, configPath, socketPath, logger });
      await running.up;
    },
    update: async (server) => {
      const index = servers.findIndex((known) => known.name === server.name);
      assert(index >= 0, "the balancer knows the server");
      servers = servers.with(index, server);
      // First the config: what a restart of HAProxy reads must not be older than what it was told.
      await writeConfig();
      for (const pool of pools) await tell(socketPath, `${pool}/${configName(server, index)}`, server);
    },
    status: async () => {
      const rows = parseServerRows(await runtimeCommand(socketPath, showServers, answerMsMax));
      return servers.map((server, index): ServerStatus => {
        const own = rows.filter((row) => row.name === configName(server, index));
        const connections = own.reduce((sum, row) => sum + row.sessions, 0);
        return { name: server.name, state: stateOf(own[0]?.status ?? "", server.weight), connections };
      });
    },
    stop: async () => running?.stop(),
  };
}

/** Tells HAProxy the address and weight of one server of one pool. */
async function tell(socketPath: string, target: string, { address, weight }: BalancerServer): Promise<void> {
  const commands = [
    { text: `set server ${target} addr ${address.host} port ${address.port}`, accepted: /changed|no need/ },
    // HAProxy answers a change of weight that it takes with an empty line.
    { text: `set server ${target} weight ${weight}`, accepted: /^\s*$/ },
  ];
  for (const { text, accepted } of commands) {
    const answer = await runtimeCommand(socketPath, text, answerMsMax).catch((cause: unknown) => {
      throw new SimurghError("balancer_update_failed", `HAProxy did not answer "${text}"`, { cause });
    });
    if (!accepted.test(answer)) {
      throw new SimurghError("balancer_update_failed", `HAProxy refused "${text}": ${answer.trim()}`);
    }
  }
}

function stateOf(status: string, weight: number): ServerState {
  if (status.startsWith("NOLB") || status.startsWith("DRAIN")) return "draining";
  if (status.startsWith("UP")) return weight === 0 ? "draining" : "up";
  return "down";
}
