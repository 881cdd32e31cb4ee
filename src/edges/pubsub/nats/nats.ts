import { isIP } from "node:net";
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import {
  AuthorizationError,
  connect,
  InvalidArgumentError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";
import type { PubSubAdapter } from "../../../contracts/pubsub-adapter.js";
import type { Random } from "../../../contracts/random.js";
import { SimurghError } from "../../../runtime/errors.js";
import type { BrokerConnect, BrokerDriver, BrokerLink } from "../broker-driver.js";
import { BrokerEngine } from "../broker-engine.js";
import type { BrokerOptions } from "../broker-options.js";
import { resolveBrokerOptions } from "../broker-options.js";
import { greets } from "./greeting.js";
import { NatsLink } from "./nats-link.js";
import { demandsOf, type NatsServer, parseServer } from "./server-address.js";

/** The client's own options, without those that the engine sees to. */
export type NatsClientOptions = Omit<
  NodeConnectionOptions,
  | "servers"
  | "port"
  | "noEcho"
  | "reconnect"
  | "maxReconnectAttempts"
  | "waitOnFirstConnect"
  | "timeout"
  | "verbose"
  | "pedantic"
>;

/** Settings of {@link nats}. */
export interface NatsOptions extends BrokerOptions {
  /** Servers of one NATS, as `nats://host:4222`; one is enough, it tells of the others. Default: 127.0.0.1:4222. */
  readonly servers?: string | readonly string[];
  /** Credentials, TLS and whatever else the client takes. */
  readonly client?: NatsClientOptions;
}

/** Trouble with certificates: trying again does not help. */
const isTlsTrouble = (code: unknown): boolean =>
  typeof code === "string" && /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code);

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function faultOf(error: unknown): SimurghError {
  const message = error instanceof Error ? error.message : String(error);
  const isRefused =
    error instanceof AuthorizationError ||
    error instanceof UserAuthenticationExpiredError ||
    error instanceof InvalidArgumentError ||
    isTlsTrouble(codeOf(error));
  return new SimurghError(isRefused ? "engine_refused" : "engine_unreachable", message, { cause: error });
}

/** Less is not fair to a server that is far away. */
const greetingMsMin = 250;

function shuffle<T>(list: T[], random: Random): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random.fraction() * (last + 1));
    // Both indices lie within the list.
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
}

/**
 * Of a server that is named by its IP address the client does not tell Node the address, so that Node would look for
 * `localhost` in its certificate.
 */
function verifying(client: NatsClientOptions, address: string): NatsClientOptions {
  const { tls } = client;
  if (typeof tls !== "object" || tls === null || isIP(address) === 0) return client;
  return { ...client, tls: { host: address, ...tls } as typeof tls }; // The client passes on what Node's TLS takes.
}

interface Reachable {
  readonly servers: string[];
  /** Where the one server is. */
  readonly address?: string;
}

class NatsDriver implements BrokerDriver {
  readonly engine = "nats";
  readonly separator = ".";
  /** The server leaves out who published. */
  readonly echoes = false;
  readonly #servers: readonly NatsServer[];
  readonly #client: NatsClientOptions;
  /** What the servers told of each other. */
  #discovered: readonly string[] = [];

  constructor(servers: readonly NatsServer[], client: NatsClientOptions) {
    this.#servers = servers;
    this.#client = client;
  }

  async connect(request: BrokerConnect): Promise<BrokerLink> {
    const { handler, nodeName, timeoutMs } = request;
    const asked = { ...demandsOf(this.#servers), ...this.#client };
    const { servers, address } = await this.#reachable(request, asked);
    const client = address === undefined ? asked : verifying(asked, address);
    let connection: NatsConnection;
    try {
      connection = await connect({
        name: `simurgh ${nodeName}`,
        ...client,
        servers,
        noEcho: true,
        // A lost connection is replaced, not repaired: the client keeps what is published while it is away.
        reconnect: false,
        timeout: timeoutMs,
      });
    } catch (error) {
      throw faultOf(error);
    }
    this.#discovered = connection.getServers().map(({ listen }) => listen);
    return new NatsLink(connection, handler);
  }

  /** One server that greets. Rejects when there is none. Of those that do not speak before TLS, all. */
  async #reachable(
    { timeoutMs, clock, random }: BrokerConnect,
    client: NatsClientOptions,
  ): Promise<Reachable> {
    const known = new Map(this.#servers.map((server) => [server.text, server]));
    for (const text of this.#discovered) if (!known.has(text)) known.set(text, parseServer(text));
    const servers = [...known.values()];
    // In random order, so that the nodes spread over the servers.
    if (client.noRandomize !== true) shuffle(servers, random);
    if (client.tls?.handshakeFirst === true) return { servers: servers.map(({ text }) => text) };
    const reasons: string[] = [];
    const eachMs = Math.max(greetingMsMin, timeoutMs / servers.length);
    for (const { host, port, text } of servers) {
      const reason = await greets(host, port, eachMs, clock);
      if (reason === undefined) return { servers: [text], address: host };
      reasons.push(`${text}: ${reason}`);
    }
    throw new SimurghError("engine_unreachable", reasons.join(", "));
  }
}

/**
 * The nodes of a cluster send their messages by a NATS server or cluster: for many machines, or more than one data
 * centre. Needs the package `@nats-io/transport-node`. Throws `engine_config_invalid` for options that cannot work.
 */
export function nats(options: NatsOptions = {}): PubSubAdapter {
  const { servers = "127.0.0.1:4222", client = {} } = options;
  const parsed = (typeof servers === "string" ? servers.split(",") : servers).map(parseServer);
  return new BrokerEngine(new NatsDriver(parsed, client), resolveBrokerOptions(options));
}
