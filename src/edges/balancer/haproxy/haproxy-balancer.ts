import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Balancer, ServerState, ServerStatus } from "../../../contracts/balancer.js";
import type { Logger } from "../../../contracts/logger.js";
import type { Address } from "../../../contracts/network.js";
import { assert } from "../../../core/shared/assert.js";
import { SimurghError } from "../../../runtime/errors.js";
import { addToPools, changeInPools, removeFromPools } from "./commands.js";
import { haproxyConfig } from "./config.js";
import { keepRunning, type Supervised } from "./keep-running.js";
import { checkConfig } from "./process.js";
import { parseServerRows, runtimeCommand, type ServerRow, showServers } from "./runtime-socket.js";
import { createServerList } from "./server-list.js";

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

/** How long HAProxy may take to answer one command. */
const answerMsMax = 2_000;

/** HAProxy as the front door, run and steered by this process. */
export function haproxyBalancer(options: HaproxyBalancerOptions): Balancer {
  const settings = { ...defaults, ...options };
  const { binary, folder, logger } = options;
  const configPath = join(folder, "haproxy.cfg");
  const socketPath = join(folder, "haproxy.sock");
  const socket = { path: socketPath, answerMsMax };
  const states = new Map<string, ServerState>();
  let running: Supervised | undefined;
  const list = createServerList(async (servers) => {
    const text = haproxyConfig({ ...settings, servers, socketPath });
    await writeFile(configPath, text, { mode: 0o600 });
  });

  return {
    kind: "haproxy",
    start: async (given) => {
      assert(running === undefined, "a balancer starts once");
      await list.begin(given);
      const complaint = await checkConfig(binary, configPath);
      if (complaint !== undefined) throw new SimurghError("balancer_start_failed", complaint);
      running = keepRunning({ binary, configPath, socketPath, logger });
      await running.up;
    },
    add: (server) => list.add(server, (added) => addToPools(socket, added, settings.serverConnectionsMax)),
    update: (server) => list.update(server, (after) => changeInPools(socket, after)),
    remove: (name) =>
      list.remove(name, async ({ key }) => {
        await removeFromPools(socket, key);
        states.delete(key);
      }),
    status: async () => {
      const { servers } = list;
      const rows = parseServerRows(await runtimeCommand(socketPath, showServers, answerMsMax));
      return servers.map(({ key, server }): ServerStatus => {
        const own = rows.filter((row) => row.name === key);
        const connections = own.reduce((sum, row) => sum + row.sessions, 0);
        const state = joinedState(own, server.weight, states.get(key));
        states.set(key, state);
        return { name: server.name, state, connections };
      });
    },
    stop: async () => running?.stop(),
  };
}

/**
 * One state of a server that two pools check by themselves. They see a change up to a second apart; it counts when
 * both have seen it.
 */
function joinedState(
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
