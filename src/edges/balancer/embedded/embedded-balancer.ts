import { createServer, type Server, type Socket } from "node:net";
import type { Balancer } from "../../../contracts/balancer.js";
import type { Logger } from "../../../contracts/logger.js";
import type { Address } from "../../../contracts/network.js";
import { assert } from "../../../core/shared/assert.js";
import { SimurghError } from "../../../runtime/errors.js";
import { type Checks, createChecks } from "./checks.js";
import { createPool, type Pool, type PoolLimits } from "./pool.js";
import { refuse } from "./refuse.js";
import { type RelayLimits, relay } from "./relay.js";

/** Settings of {@link embeddedBalancer}; the bounds have defaults. */
export interface EmbeddedBalancerOptions extends Partial<PoolLimits>, Partial<RelayLimits> {
  /** Where clients come in. */
  readonly door: readonly Address[];
  readonly logger: Logger;
  /** Clients at a time; more are answered with 503. Each takes two open files. Default 8,192. */
  readonly connectionsMax?: number;
  /** Time between two checks of a server. Default 1,000. */
  readonly checkIntervalMs?: number;
  /** How long a server may take to answer a check. Default 1,000. */
  readonly checkTimeoutMs?: number;
}

const defaults = {
  connectionsMax: 8_192,
  serverConnectionsMax: 8_192,
  rampMs: 5_000,
  checkIntervalMs: 1_000,
  checkTimeoutMs: 1_000,
  rise: 1,
  fall: 3,
  firstByteTimeoutMs: 60_000,
  connectTimeoutMs: 1_000,
  halfCloseTimeoutMs: 30_000,
  replayBytesMax: 16_384,
};

/** Clients above `connectionsMax` that are being told so; those beyond are cut without a word. */
const refusalsMax = 256;

/** The balancer for a machine with nothing but Node: it works on TCP and does not read what it carries. */
export function embeddedBalancer(options: EmbeddedBalancerOptions): Balancer {
  const limits = { ...defaults, ...options };
  const { logger } = options;
  const clients = new Set<Socket>();
  let listeners: Server[] = [];
  let pool: Pool | undefined;
  let checks: Checks | undefined;

  const onClient = (client: Socket) => {
    clients.add(client);
    client.on("close", () => clients.delete(client));
    if (pool !== undefined && clients.size <= limits.connectionsMax) relay(client, pool, limits);
    else if (clients.size <= limits.connectionsMax + refusalsMax) refuse(client);
    else client.destroy();
  };

  const stop = async () => {
    checks?.endAll();
    const closing = listeners.map((listener) => close(listener));
    listeners = [];
    for (const client of clients) client.destroy();
    await Promise.all(closing);
  };

  const known = (name: string) => {
    const member = pool?.find(name);
    assert(member !== undefined, "the balancer knows the server");
    return member;
  };

  return {
    kind: "embedded",
    start: async (servers) => {
      assert(pool === undefined, "a balancer starts once");
      const created = createPool(servers, limits, ({ server }, state) => {
        logger.info("server changed", { server: server.name, state });
      });
      pool = created;
      try {
        for (const address of options.door) listeners.push(await listen(address, onClient));
      } catch (error) {
        await stop();
        throw error;
      }
      checks = createChecks(created, limits);
      for (const member of created.members) checks.begin(member);
    },
    add: async (server) => {
      assert(pool !== undefined && pool.find(server.name) === undefined, "the name is new to the balancer");
      checks?.begin(pool.add(server));
    },
    update: async (server) => {
      known(server.name).server = server;
    },
    remove: async (name) => {
      const member = known(name);
      checks?.end(member);
      pool?.remove(member);
    },
    status: async () => pool?.status() ?? [],
    stop,
  };
}

function listen(address: Address, onClient: (client: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onClient);
    server.once("error", (cause) => {
      const where = `${address.host} port ${address.port}`;
      reject(
        new SimurghError("balancer_bind_failed", `cannot listen on ${where}: ${cause.message}`, { cause }),
      );
    });
    server.listen({ host: address.host, port: address.port, ipv6Only: false }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
