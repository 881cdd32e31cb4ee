import type { Address } from "../../../contracts/network.js";
import type { PubSubAdapter } from "../../../contracts/pubsub-adapter.js";
import { SimurghError } from "../../../runtime/errors.js";
import type { BrokerConnect, BrokerDriver, BrokerLink, BrokerLinkHandler } from "../broker-driver.js";
import { BrokerEngine } from "../broker-engine.js";
import type { BrokerOptions } from "../broker-options.js";
import { invalidOption, resolveBrokerOptions } from "../broker-options.js";
import type { RedisAccess, RedisClient, RedisOwnOptions } from "./redis-client.js";
import { connectClient, faultOf } from "./redis-client.js";
import { RedisLink } from "./redis-link.js";
import { RedisPair } from "./redis-pair.js";
import { findShards, hasShardedChannels, type Shards } from "./topology.js";

/** Settings of {@link redis}. */
export interface RedisOptions extends BrokerOptions {
  /**
   * `redis://[user:pass@]host:6379`, `rediss://` for TLS; several are members of one cluster, any of which may be
   * down. Default: 127.0.0.1:6379.
   */
  readonly url?: string | readonly string[];
  /** Credentials, TLS and whatever else the client takes. */
  readonly client?: RedisOwnOptions;
  /** Sharded channels. All nodes must agree. Default: where the server has them, since Redis 7. */
  readonly sharded?: boolean;
  /** Where this node reaches a member of the cluster, when that is not what the cluster says. */
  readonly mapAddress?: (address: Address) => Address;
}

interface Found {
  readonly sharded: boolean;
  readonly shards: Shards | undefined;
}

/** The server that a URL or the client's options lead to, for the log and for what the server leaves out. */
function seedOf(url: string | undefined, client: RedisOwnOptions): Address {
  if (url === undefined) {
    const { socket = {} } = client;
    if ("path" in socket) return { host: "unix", port: 0 };
    const { host = "localhost", port = 6379 }: { host?: string | undefined; port?: number | undefined } =
      socket;
    return { host, port };
  }
  if (url.startsWith("unix:")) return { host: "unix", port: 0 };
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 6379) };
}

function requireUrl(url: string): string {
  if (!/^(rediss?|unix):\/\//.test(url) || !URL.canParse(url.replace(/^\w+:/, "http:"))) {
    // It may hold a password: it is not repeated.
    throw invalidOption("a server's address is none; it must be like redis://host:6379");
  }
  return url;
}

class RedisDriver implements BrokerDriver {
  readonly engine = "redis";
  readonly separator = ":";
  readonly echoes = true;
  readonly #urls: readonly (string | undefined)[];
  readonly #options: RedisOptions;
  /** What the cluster told of its members. */
  #discovered: readonly Address[] = [];

  constructor(urls: readonly (string | undefined)[], options: RedisOptions) {
    this.#urls = urls;
    this.#options = options;
  }

  async connect({ handler, nodeName, timeoutMs, clock }: BrokerConnect): Promise<BrokerLink> {
    const { client = {} } = this.#options;
    const accesses = this.#urls.map((url) => ({ url, client, nodeName, timeoutMs, clock }));
    const [first] = accesses;
    const seeds = [
      ...accesses.map((access) => ({ access, at: undefined })),
      ...(first === undefined ? [] : this.#discovered.map((at) => ({ access: first, at }))),
    ];
    let fault = new SimurghError("engine_unreachable", "there is no server to try");
    for (const { access, at } of seeds) {
      try {
        return await this.#connectBy(access, at, handler);
      } catch (error) {
        fault = error instanceof SimurghError ? error : faultOf(error, "redis");
        if (fault.code === "engine_refused") break;
      }
    }
    throw fault;
  }

  async #connectBy(
    access: RedisAccess,
    at: Address | undefined,
    handler: BrokerLinkHandler,
  ): Promise<BrokerLink> {
    const seed = at ?? seedOf(access.url, access.client);
    const client = await connectClient(access, at, () => {});
    let found: Found;
    try {
      found = await this.#look(client, seed);
    } catch (error) {
      client.destroy();
      throw error;
    }
    const { sharded, shards } = found;
    const remote = `${seed.host}:${seed.port}`;
    if (shards === undefined || !sharded) {
      const pair = await RedisPair.connect(access, at, { sharded, whole: true }, handler, client);
      return new RedisLink(remote, [pair], undefined);
    }
    client.destroy();
    this.#discovered = shards.masters;
    const pairs = await this.#connectAll(access, shards.masters, handler);
    return new RedisLink(`${remote}, ${pairs.length} shards`, pairs, shards.bySlot);
  }

  async #look(client: RedisClient, seed: Address): Promise<Found> {
    const has = await hasShardedChannels(client);
    const sharded = this.#options.sharded ?? has;
    if (sharded && !has) {
      throw new SimurghError("engine_refused", "the server has no sharded channels, or may not say so");
    }
    const shards = await findShards(client, seed);
    if (shards === undefined) return { sharded, shards };
    const { mapAddress = (address: Address) => address } = this.#options;
    return { sharded, shards: { ...shards, masters: shards.masters.map(mapAddress) } };
  }

  /** With all of them, or with none. */
  async #connectAll(
    access: RedisAccess,
    masters: readonly Address[],
    handler: BrokerLinkHandler,
  ): Promise<RedisPair[]> {
    let lost = false;
    const once: BrokerLinkHandler = {
      ...handler,
      onLost: (reason) => {
        if (!lost) handler.onLost(reason);
        lost = true;
      },
    };
    const use = { sharded: true, whole: false };
    const tries = await Promise.allSettled(masters.map((at) => RedisPair.connect(access, at, use, once)));
    const pairs = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const failed = tries.find((one) => one.status === "rejected");
    if (failed === undefined) return pairs;
    for (const pair of pairs) pair.destroy();
    throw failed.reason;
  }
}

/**
 * The nodes of a cluster send their messages by a Redis server or cluster. Needs the package `redis`. Throws
 * `engine_config_invalid` for options that cannot work.
 */
export function redis(options: RedisOptions = {}): PubSubAdapter {
  const { url } = options;
  const urls = url === undefined ? [undefined] : (typeof url === "string" ? [url] : url).map(requireUrl);
  if (urls.length === 0) throw invalidOption("url is an empty list");
  return new BrokerEngine(new RedisDriver(urls, options), resolveBrokerOptions(options));
}
