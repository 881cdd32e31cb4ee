import type { BalancerServer, ServerState, ServerStatus } from "../../../contracts/balancer.js";
import type { ConfigServer } from "./config.js";
import { createReconciler, type ReconcilerOptions } from "./reconciler.js";
import { ask, parseServerRows, showServers } from "./runtime-socket.js";
import { createServerList } from "./server-list.js";
import { joinedState } from "./status.js";

/** What steers an HAProxy needs. */
export interface SteeringOptions extends ReconcilerOptions {
  /** Time between two comparisons of what HAProxy has with what it is to have. */
  readonly reconcilePeriodMs: number;
  /** Writes the config that HAProxy reads when it starts. */
  readonly writeConfig: (servers: readonly ConfigServer[]) => Promise<void>;
}

/** The servers of an HAProxy, kept as they are to be by its runtime socket. */
export interface Steering {
  /** Writes the first config. */
  begin(servers: readonly BalancerServer[]): Promise<void>;
  /** Compares and repairs from now on, again and again. */
  keep(): void;
  add(server: BalancerServer): Promise<void>;
  update(server: BalancerServer): Promise<void>;
  remove(name: string): Promise<void>;
  status(): Promise<ServerStatus[]>;
  /** Ends the comparisons. */
  stop(): void;
}

/** Makes the steering of one HAProxy. */
export function createSteering(options: SteeringOptions): Steering {
  const { socket, writeConfig } = options;
  const list = createServerList(writeConfig);
  const reconciler = createReconciler(options);
  const states = new Map<string, ServerState>();
  const comparisons = comparing(options, () => list.inTurn(() => reconciler.reconcile(list.servers)));

  return {
    begin: async (servers) => {
      await list.begin(servers);
      reconciler.begin(list.servers);
    },
    keep: comparisons.begin,
    add: (server) =>
      list.add(server, async (servers, key) => {
        reconciler.ramp(key);
        await reconciler.settle(servers, key).catch((error: unknown) => {
          reconciler.forget(key);
          throw error;
        });
      }),
    update: (server) => list.update(server, reconciler.settle),
    remove: (name) =>
      list.remove(name, async (servers, key) => {
        await reconciler.settle(servers, key);
        reconciler.forget(key);
        states.delete(key);
      }),
    status: async () => {
      const { servers } = list;
      const rows = parseServerRows(await ask(socket, showServers));
      return servers.map(({ key, server }) => {
        const own = rows.filter((row) => row.name === key);
        const connections = own.reduce((sum, row) => sum + row.sessions, 0);
        const state = joinedState(own, server.weight, states.get(key));
        states.set(key, state);
        return { name: server.name, state, connections };
      });
    },
    stop: comparisons.stop,
  };
}

/** Does something again and again; says once for a spell of trouble that it fails, and when it no longer does. */
function comparing({ logger, reconcilePeriodMs }: SteeringOptions, compare: () => Promise<void>) {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isReached = true;
  const tick = async () => {
    try {
      await compare();
      if (!isReached) logger.info("haproxy is steered again");
      isReached = true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isReached && !isStopped) {
        logger.warn("haproxy is not steered; its servers stay as they are", { reason });
      }
      isReached = false;
    }
    if (!isStopped) timer = setTimeout(tick, reconcilePeriodMs);
  };
  return {
    begin: () => {
      timer = setTimeout(tick, reconcilePeriodMs);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
