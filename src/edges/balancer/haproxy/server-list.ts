import type { BalancerServer } from "../../../contracts/balancer.js";
import { assert } from "../../../core/shared/assert.js";
import { type ConfigServer, serverKey } from "./config.js";

/** The servers that HAProxy is to have, by the config that it reads when it starts. */
export interface ServerList {
  /** As they are after the last change that HAProxy took. */
  readonly servers: readonly ConfigServer[];
  /** Writes the first config. */
  begin(servers: readonly BalancerServer[]): Promise<void>;
  add(server: BalancerServer, tell: Tell): Promise<void>;
  update(server: BalancerServer, tell: Tell): Promise<void>;
  remove(name: string, tell: Tell): Promise<void>;
  /** Does something between two changes. */
  inTurn(work: () => Promise<void>): Promise<void>;
}

/** Tells HAProxy that its servers are to be these, of which one has changed. */
export type Tell = (servers: readonly ConfigServer[], changedKey: string) => Promise<void>;

/** Makes an empty list. Changes are made one after the other, in the order of the calls. */
export function createServerList(write: (servers: readonly ConfigServer[]) => Promise<void>): ServerList {
  let servers: readonly ConfigServer[] = [];
  let keysGiven = 0;
  let lastChange: Promise<void> = Promise.resolve();

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = lastChange.then(work);
    // Whoever asked for the change hears of its failure; the next one is made all the same.
    lastChange = turn.catch(() => {});
    return turn;
  };

  /**
   * First the config, then the command: what a restart of HAProxy reads must not be older than what it was told. A
   * change that HAProxy does not take is taken back out of the config.
   */
  const change = async (changed: readonly ConfigServer[], key: string, tell: Tell) => {
    await write(changed);
    try {
      await tell(changed, key);
    } catch (error) {
      await write(servers);
      throw error;
    }
    servers = changed;
  };

  const keyed = (server: BalancerServer): ConfigServer => {
    keysGiven += 1;
    return { key: serverKey(server.name, keysGiven), server };
  };
  const find = (name: string) => servers.find(({ server }) => server.name === name);
  const known = (name: string): ConfigServer => {
    const found = find(name);
    assert(found !== undefined, "the balancer knows the server");
    return found;
  };

  return {
    inTurn,
    get servers() {
      return servers;
    },
    begin: (given) => {
      servers = given.map(keyed);
      return write(servers);
    },
    add: (server, tell) =>
      inTurn(async () => {
        assert(find(server.name) === undefined, "the name is new to the balancer");
        const added = keyed(server);
        await change([...servers, added], added.key, tell);
      }),
    update: (server, tell) =>
      inTurn(async () => {
        const before = known(server.name);
        const after = { ...before, server };
        const changed = servers.map((other) => (other === before ? after : other));
        await change(changed, after.key, tell);
      }),
    remove: (name, tell) =>
      inTurn(async () => {
        const gone = known(name);
        const left = servers.filter((other) => other !== gone);
        await change(left, gone.key, tell);
      }),
  };
}
