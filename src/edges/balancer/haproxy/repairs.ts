import { isIP } from "node:net";
import { type ConfigServer, hostPort, pools, serverWords } from "./config.js";
import type { ActualServer } from "./state.js";

/** One command, and how its answer is to be taken. */
export interface Command {
  /** Which server it is about. */
  readonly key: string;
  readonly text: string;
  /** The answer of success. */
  readonly accepted: RegExp;
  /** An answer that says to try again in a moment. */
  readonly notYet?: RegExp;
}

/** HAProxy answers several commands that it takes with an empty line. */
const nothing = /^\s*$/;

/** The commands that make of the servers that HAProxy has those that it is to have. None: they are. */
export function repairs(
  wanted: readonly ConfigServer[],
  actual: readonly ActualServer[],
  connectionsMax: number,
): Command[] {
  return pools.flatMap((pool) => {
    const own = actual.filter((server) => server.pool === pool);
    const isWanted = ({ key }: ActualServer) => wanted.some((server) => server.key === key);
    const surplus = own.filter((server) => !isWanted(server));
    return [
      ...wanted.flatMap((server) => {
        const found = own.find(({ key }) => key === server.key);
        return found === undefined ? additions(pool, server, connectionsMax) : changes(found, server);
      }),
      ...surplus.flatMap(({ key }) => removals(pool, key)),
    ];
  });
}

/** A server that is added comes in maintenance and unchecked, and is let go when all is set. */
function additions(pool: string, { key, server }: ConfigServer, connectionsMax: number): Command[] {
  const words = `${hostPort(server.address)} ${serverWords(server, connectionsMax)}`;
  return [
    { key, text: `add server ${pool}/${key} ${words}`, accepted: /registered/ },
    { key, text: `enable health ${pool}/${key}`, accepted: nothing },
    { key, text: `set server ${pool}/${key} state ready`, accepted: nothing },
  ];
}

function changes(found: ActualServer, { key, server }: ConfigServer): Command[] {
  const { pool, host, port, weight } = found;
  const { address } = server;
  const target = `${pool}/${key}`;
  const commands: Command[] = [];
  // A host that is a name was looked up by HAProxy, and cannot be compared.
  const isElsewhere = port !== address.port || (isIP(address.host) !== 0 && host !== address.host);
  if (isElsewhere) {
    const text = `set server ${target} addr ${address.host} port ${address.port}`;
    commands.push({ key, text, accepted: /changed|no need/ });
  }
  if (weight !== server.weight) {
    commands.push({ key, text: `set server ${target} weight ${server.weight}`, accepted: nothing });
  }
  if (!found.isChecked) commands.push({ key, text: `enable health ${target}`, accepted: nothing });
  if (found.isHeldBack) commands.push({ key, text: `set server ${target} state ready`, accepted: nothing });
  return commands;
}

/** A server may be deleted when its connections are closed, which they are soon. Where it is gone, that is well. */
function removals(pool: string, key: string): Command[] {
  const target = `${pool}/${key}`;
  const done = /^\s*$|No such server/;
  return [
    { key, text: `set server ${target} state maint`, accepted: done },
    { key, text: `shutdown sessions server ${target}`, accepted: done },
    { key, text: `del server ${target}`, accepted: /deleted|No such server/, notYet: /still has/ },
  ];
}
