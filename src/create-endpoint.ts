import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "./contracts/logger.js";
import type { PubSubAdapter, PubSubEvent } from "./contracts/pubsub-adapter.js";
import { local } from "./edges/pubsub/local.js";
import { systemClock } from "./edges/system/clock.js";
import { lineLogger } from "./edges/system/logger.js";
import { phoenixToken } from "./edges/system/phoenix-token.js";
import { systemRandom } from "./edges/system/random.js";
import { systemVitals } from "./edges/system/vitals.js";
import { NodeHttp } from "./edges/transports/node-http.js";
import type { EndpointAuthOptions, Revocation } from "./runtime/auth/auth-options.js";
import type { AutoscaleReport } from "./runtime/autoscale/autoscaler.js";
import type { AutoscaleOptions } from "./runtime/autoscale/options.js";
import type { BroadcastEvent, EventPayload } from "./runtime/channel-types.js";
import { EndpointCore } from "./runtime/endpoint.js";
import type { DrainOptions, FleetOptions, MountOptions } from "./runtime/endpoint-options.js";
import { SimurghError } from "./runtime/errors.js";
import type { NodeStatus } from "./runtime/fleet/statuses.js";
import type { NodeLimits } from "./runtime/limits/node-limits.js";
import type { SignerFor } from "./runtime/longpoll/poll-token.js";
import type { PresenceStats } from "./runtime/presence/node-presence.js";
import type { AnyPresence } from "./runtime/presence/presence-types.js";
import type { SocketRoutes } from "./runtime/socket-definition.js";

/** What an endpoint is, as its author writes it. */
export interface EndpointOptions {
  /** Sockets by path, plain or with settings: `{ "/socket": users.routes({ … }) }`. */
  readonly sockets: Readonly<Record<string, SocketRoutes | MountOptions>>;
  /** The way to other nodes. Default: none, this node is alone. */
  readonly pubsub?: PubSubAdapter;
  /** This node's name in the cluster, such as `n1@10.0.0.1`. Default: made up at random. */
  readonly name?: string;
  /** Who is here: one presence, or several of different names. */
  readonly presence?: AnyPresence | readonly AnyPresence[];
  /** Answers every request that is not ours, when the endpoint listens by itself. */
  readonly http?: RequestListener;
  /** The host that browsers know this service by; origins are checked against it. */
  readonly url?: { readonly host: string };
  readonly drain?: DrainOptions;
  /** Bounds on what this node takes; those of one socket are in the `limits` of its mount. */
  readonly limits?: Partial<NodeLimits>;
  /**
   * Whether handshakes wait for their turn when more come than the node can serve, the oldest first. Default: true. With
   * `false` they are all begun at once, and refused beyond `handshakesMax`.
   */
  readonly admission?: boolean;
  /**
   * Addresses and ranges (`10.0.0.0/8`, `fd00::/8`) of the balancers before this node: what they say in
   * `x-forwarded-for` is believed, and nobody else. `[]`: there are none, clients come directly. Given, the sockets of
   * each address are counted for `socketsPerAddressMax`. Default: not known, addresses are not counted.
   */
  readonly trustedProxies?: readonly string[];
  readonly fleet?: FleetOptions;
  /** Has the fleet grow and shrink with its load, the same on all nodes. Default: its size is somebody else's business. */
  readonly autoscale?: AutoscaleOptions;
  /**
   * Whether `/ready` is 503 while the engine cannot carry messages, so that balancers prefer nodes which reach the
   * others. Default: true. With `false` a node goes on taking clients who then hear only each other.
   */
  readonly readyNeedsEngine?: boolean;
  /**
   * Signs the tokens of long-poll sessions: 20 bytes at least, and the same on all nodes. Of a list the first signs
   * and all verify. Default: made up at random, which a node that is linked to others cannot do with long poll.
   */
  readonly secretKeyBase?: string | readonly string[];
  /** Bounds on tokens and their revocations, for sockets with `auth`. */
  readonly auth?: EndpointAuthOptions;
  /** Default: lines on stderr, from level `info`. */
  readonly logger?: Logger;
}

/** Where to listen. Port 0 takes a free one. */
export interface ListenOptions {
  readonly port: number;
  /** Default: all addresses. */
  readonly host?: string;
}

/** A running server of sockets. */
export interface Endpoint {
  readonly name: string;
  /** Starts the engine, then listens. Rejects with `endpoint_bind_failed`, or the engine's error; all is stopped then. */
  listen(options: ListenOptions): Promise<{ readonly port: number }>;
  /** Takes part in a server that you keep: sockets and health checks are ours, all else stays yours. */
  attach(server: Server): Promise<void>;
  /** Sends an event to every subscriber of a topic, on every node. */
  broadcast(topic: string, event: string, payload: EventPayload): void;
  /** Sends an event to the subscribers on this node only. */
  localBroadcast(topic: string, event: string, payload: EventPayload): void;
  /** Closes every connection of that socket id, on every node. */
  disconnect(socketId: string): void;
  /**
   * Calls tokens back, on every node: who connects with one is refused, and a socket that lives by one is closed with
   * 4003. Sockets without `auth` are not concerned. Throws `revocation_invalid` for what cannot be meant.
   */
  revoke(revocation: Revocation): void;
  /** Calls `listener` for every event of a topic until the returned function is called. */
  subscribe(topic: string, listener: (event: BroadcastEvent) => void): () => void;
  /** Calls `watcher` when another node, or the engine, comes or goes, until the returned function is called. */
  watch(watcher: (event: PubSubEvent) => void): () => void;
  /** Names of the other nodes that are reachable now. */
  nodes(): readonly string[];
  /** Whether new connections are welcome: what `GET /ready` says. */
  readonly ready: boolean;
  /** Counters and gauges of this node. */
  stats(): EndpointStats;
  /**
   * Turns `/ready` to 503, waits until balancers have seen it, and sends the connections away with 1012 at a pace that
   * the other nodes can take.
   */
  drain(): Promise<void>;
  /** Calls a drain off. Who is still there stays. False: there was none. */
  cancelDrain(): boolean;
  /** Every node of the fleet as it said of itself lately, this one included; empty for a node without others. */
  fleet(): readonly NodeStatus[];
  /** The last decision on the fleet's size, whichever node made it, with its reasons; undefined without `autoscale`. */
  autoscale(): AutoscaleReport | undefined;
  /** Closes everything. Safe to call twice. */
  stop(): Promise<void>;
}

/** Figures of one node. */
export type EndpointStats = ReturnType<EndpointCore["counters"]["snapshot"]> & {
  readonly pubsub: Readonly<Record<string, number>>;
  /** Of each presence, by its name. */
  readonly presence: Readonly<Record<string, PresenceStats>>;
};

/** Longer than balancers keep idle connections, so that it is they who close. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** Connections that the system keeps until they are accepted, as far as it may: a storm comes faster than they can be. */
const BACKLOG = 65_535;
/** Connections that do not end after a stop are cut after this. */
const STOP_TIMEOUT_MS = 6_000;

/** Makes an endpoint. Throws `endpoint_config_invalid` for options that cannot work. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  const logger = options.logger ?? lineLogger();
  const adapter = options.pubsub ?? local();
  const lone =
    adapter.engine === "local" ? Buffer.from(systemRandom.bytes(32)).toString("base64url") : undefined;
  const secret = options.secretKeyBase ?? lone;
  const core = new EndpointCore({
    name: options.name ?? `node-${Buffer.from(systemRandom.bytes(4)).toString("hex")}`,
    host: options.url?.host,
    sockets: options.sockets,
    adapter,
    drain: options.drain ?? {},
    guards: {
      limits: options.limits,
      admission: options.admission,
      trustedProxies: options.trustedProxies,
    },
    fleet: adapter.engine === "local" ? undefined : { ...options.fleet, vitals: systemVitals() },
    autoscale: options.autoscale,
    connectionAgeMaxMs: options.fleet?.connectionAgeMaxMs,
    readyNeedsEngine: options.readyNeedsEngine,
    presence: [options.presence ?? []].flat(),
    signerFor: secret === undefined ? undefined : signersOf(secret),
    auth: options.auth,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  const endpoint = new NodeEndpoint(core, options.http, logger);
  for (const [definition, node] of core.presences) definition.bind(endpoint, node);
  return endpoint;
}

/** Signers of a secret. Each purpose is a salt, so that its tokens are worth nothing for another. */
function signersOf(secret: string | readonly string[]): SignerFor {
  return (salt) => {
    const tokens = phoenixToken({ secret, salt });
    return {
      sign: (data) => tokens.sign(data),
      verify(token, maxAgeSeconds) {
        const verified = tokens.verify(token, { maxAgeSeconds });
        if (!verified.ok || !Array.isArray(verified.data)) return undefined;
        return verified.data.every((one) => typeof one === "string") ? verified.data : undefined;
      },
    };
  };
}

class NodeEndpoint implements Endpoint {
  readonly #core: EndpointCore;
  readonly #http: NodeHttp;
  readonly #logger: Logger;
  #server: Server | undefined = undefined;
  #stopped: Promise<void> | undefined = undefined;

  constructor(core: EndpointCore, app: RequestListener | undefined, logger: Logger) {
    this.#core = core;
    this.#http = new NodeHttp(core, app);
    this.#logger = logger;
  }

  get name(): string {
    return this.#core.name;
  }

  get ready(): boolean {
    return this.#core.ready;
  }

  async listen({ port, host }: ListenOptions): Promise<{ readonly port: number }> {
    await this.#core.start();
    const { headersTimeoutMs, requestTimeoutMs, headerBytesMax } = this.#core.guards.limits;
    const server = createServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxHeaderSize: headerBytesMax,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    });
    this.#http.own(server);
    this.#server = server;
    try {
      await bind(server, port, host);
    } catch (cause) {
      await this.stop();
      throw cause;
    }
    // A connection that could not be accepted, for want of memory say, costs that connection only.
    server.on("error", ({ message }) => this.#logger.error("server failed", { error: message }));
    // A listening TCP server has an AddressInfo; strings are for pipes.
    return { port: (server.address() as AddressInfo).port };
  }

  async attach(server: Server): Promise<void> {
    this.#http.attach(server);
    await this.#core.start();
  }

  broadcast(topic: string, event: string, payload: object): void {
    this.#core.pubsub.broadcast(topic, event, payload);
  }

  localBroadcast(topic: string, event: string, payload: object): void {
    this.#core.pubsub.localBroadcast(topic, event, payload);
  }

  disconnect(socketId: string): void {
    this.broadcast(socketId, "disconnect", {});
  }

  revoke(revocation: Revocation): void {
    this.#core.revoke(revocation);
  }

  subscribe(topic: string, listener: (event: BroadcastEvent) => void): () => void {
    return this.#core.subscribe(topic, listener);
  }

  watch(watcher: (event: PubSubEvent) => void): () => void {
    return this.#core.watch(watcher);
  }

  nodes(): readonly string[] {
    return this.#core.pubsub.nodes();
  }

  stats(): EndpointStats {
    const { counters, pubsub, presences } = this.#core;
    const presence = Object.fromEntries([...presences].map(([{ name }, node]) => [name, node.stats()]));
    return { ...counters.snapshot(), pubsub: pubsub.stats(), presence };
  }

  drain(): Promise<void> {
    return this.#core.drain();
  }

  cancelDrain(): boolean {
    return this.#core.cancelDrain();
  }

  fleet(): readonly NodeStatus[] {
    return this.#core.statuses?.all() ?? [];
  }

  autoscale(): AutoscaleReport | undefined {
    return this.#core.autoscaler?.report();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = this.#server === undefined ? undefined : closeServer(this.#server);
    await this.#core.stop();
    await closed;
  }
}

function bind(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const where = `${host ?? "*"}:${port}`;
      reject(
        new SimurghError("endpoint_bind_failed", `cannot listen on ${where}: ${cause.message}`, { cause }),
      );
    };
    server.once("error", fail);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

/** Stops listening at once, and resolves when the last connection has ended, or was cut. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = systemClock.after(STOP_TIMEOUT_MS, () => server.closeAllConnections());
    server.close(() => {
      cut();
      resolve();
    });
    server.closeIdleConnections();
  });
}
