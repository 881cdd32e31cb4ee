import type { Logger } from "../../../contracts/logger.js";
import { SimurghError } from "../../../runtime/errors.js";
import type { ConfigServer } from "./config.js";
import { createRamps } from "./ramps.js";
import { type Command, repairs } from "./repairs.js";
import { ask, type RuntimeSocket } from "./runtime-socket.js";
import { parseServersState, showState } from "./state.js";

/** What comparisons need. */
export interface ReconcilerOptions {
  readonly socket: RuntimeSocket;
  readonly logger: Logger;
  readonly serverConnectionsMax: number;
  /** How long a new server needs to come to its weight. */
  readonly rampMs: number;
}

/** Makes of the servers that HAProxy has those that it is to have. */
export interface Reconciler {
  /** HAProxy starts with these, by its config. */
  begin(servers: readonly ConfigServer[]): void;
  /** The server is new and empty. */
  ramp(key: string): void;
  forget(key: string): void;
  /** Puts right what is known of one server; the others wait for the next comparison. */
  settle(servers: readonly ConfigServer[], key: string): Promise<void>;
  /** Compares all, puts them right, and lets new ones come nearer to their weight. */
  reconcile(servers: readonly ConfigServer[]): Promise<void>;
}

/** How long the connections of a server that is taken out may need to close. */
const closeMsMax = 2_000;
const closePollMs = 20;

/** Makes the reconciler of one HAProxy. */
export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { socket, logger, serverConnectionsMax, rampMs } = options;
  const ramps = createRamps(rampMs, () => performance.now());
  /** The weights last told: that HAProxy has them while a ramp goes on is no difference to speak of. */
  const told = new Map<string, number>();

  const read = async () => parseServersState(await ask(socket, showState));
  const give = async (commands: readonly Command[], servers: readonly ConfigServer[]) => {
    for (const command of commands) await giveOne(socket, command);
    for (const { key, server } of servers) told.set(key, server.weight);
  };

  return {
    begin: (servers) => {
      for (const { key, server } of servers) told.set(key, server.weight);
    },
    ramp: (key) => ramps.begin(key),
    forget: (key) => {
      ramps.forget(key);
      told.delete(key);
    },
    settle: async (servers, key) => {
      const wanted = servers.filter((server) => server.key === key).map(ramps.apply);
      const actual = (await read()).filter((server) => server.key === key);
      await give(repairs(wanted, actual, serverConnectionsMax), wanted);
    },
    reconcile: async (servers) => {
      const actual = await read();
      for (const { key } of servers) {
        const own = actual.filter((server) => server.key === key);
        for (const { operation } of own) ramps.note(key, operation);
      }
      const asTold = servers.map((entry) => withWeight(entry, told.get(entry.key)));
      const differences = repairs(asTold, actual, serverConnectionsMax);
      const wanted = servers.map(ramps.apply);
      await give(repairs(wanted, actual, serverConnectionsMax), wanted);
      const [first] = differences;
      if (first === undefined) return;
      const fields = { commands: differences.length, first: first.text };
      logger.warn("haproxy had other servers than it was to have; put right", fields);
    },
  };
}

function withWeight({ key, server }: ConfigServer, weight = server.weight): ConfigServer {
  return { key, server: { ...server, weight } };
}

async function giveOne(socket: RuntimeSocket, { text, accepted, notYet }: Command): Promise<void> {
  const deadlineMs = performance.now() + closeMsMax;
  for (;;) {
    const answer = await ask(socket, text);
    if (accepted.test(answer)) return;
    if (notYet === undefined || !notYet.test(answer) || performance.now() > deadlineMs) {
      throw new SimurghError("balancer_update_failed", `HAProxy refused "${text}": ${answer.trim()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, closePollMs));
  }
}
