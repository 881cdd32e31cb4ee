import type { DiscoveryStrategy } from "../../../contracts/discovery.js";
import type { Network } from "../../../contracts/network.js";
import type { DiscoveryLimits, Topology } from "../../../runtime/discovery/topology.js";
import { SimurghError } from "../../../runtime/errors.js";
import { parsePeer } from "./peer-address.js";
import type { MeshTls } from "./tcp-network.js";
import { topicBytesMax } from "./wire.js";

/** Shortest secret accepted, in bytes. It is a key, not a password: take random ones. */
export const secretBytesMin = 16;

/** Everything of a mesh node that is bounded, and where. */
export interface MeshLimits {
  /** Largest frame sent and accepted, in bytes; a larger message throws `payload_too_large`. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for one peer; further messages to it are dropped and counted until there is room. */
  readonly queueBytesMax: number;
  /** Nodes linked at a time; further ones are refused. */
  readonly linksMax: number;
  /** Arrived connections that are not links yet; a further one takes the place of the oldest. */
  readonly handshakesMax: number;
  /** Dials under way at a time; further ones wait. */
  readonly dialsMax: number;
  /** Topics remembered of one peer; a peer with more is sent every topic and sorts out itself. */
  readonly interestTopicsMax: number;
}

/** How long a mesh node waits for what. */
export interface MeshTiming {
  readonly heartbeatPeriodMs: number;
  /** A link on which nothing was heard for this long is closed. */
  readonly heartbeatTimeoutMs: number;
  /** From the arrival of a connection to its admission as a link. */
  readonly handshakeTimeoutMs: number;
  readonly dialTimeoutMs: number;
  /** The n-th retry comes after a random part of base * 2^n, at most max. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** How long `subscribe` waits at most for the other nodes to have heard. */
  readonly interestTimeoutMs: number;
  /** How long `start` waits at most for the listed peers. */
  readonly startTimeoutMs: number;
  /** How long `stop` waits at most for queued bytes to leave. */
  readonly stopTimeoutMs: number;
  /** How long a listed peer that announced its leaving is not dialled. */
  readonly leaverHoldMs: number;
  /** A peer that never answered is no more than an information for so long: nodes that start together miss each other. */
  readonly unreachableGraceMs: number;
  /** A fault of the same kind by the same peer is logged once in this time. */
  readonly logRepeatMs: number;
}

/** Settings of `mesh`. */
export interface MeshOptions {
  /** What the nodes of a cluster know and nobody else. Of several the first proves, all verify: see rotation. */
  readonly secret: string | readonly string[];
  /** Where this node is reached. Default: 127.0.0.1, a free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Nodes to link with: `name@host:port` or `host:port`. More can be added at run time. */
  readonly peers?: readonly string[];
  /** How to find nodes to link with, several ways at once. More can be added at run time. */
  readonly discover?: readonly (Topology | DiscoveryStrategy)[];
  /** How patient discovery is. */
  readonly discovery?: Partial<DiscoveryLimits>;
  /** Encrypts the links and, by default, asks both ends for a certificate. */
  readonly tls?: MeshTls;
  readonly limits?: Partial<MeshLimits>;
  readonly timing?: Partial<MeshTiming>;
  /** How nodes reach each other. Default: TCP, or TLS when `tls` is given. */
  readonly network?: Network;
  /** Runs `flush` at the end of the present turn of the event loop. Default: `setImmediate`. For simulators. */
  readonly defer?: (flush: () => void) => void;
}

/** Defaults of {@link MeshLimits}. */
export const defaultLimits: MeshLimits = {
  frameBytesMax: 4 * 1_048_576,
  queueBytesMax: 16 * 1_048_576,
  linksMax: 1_024,
  handshakesMax: 128,
  dialsMax: 32,
  interestTopicsMax: 1_000_000,
};

/** Defaults of {@link MeshTiming}: a silent peer is noticed after 2.5 s at the latest, a healed one linked within 5 s. */
export const defaultTiming: MeshTiming = {
  heartbeatPeriodMs: 500,
  heartbeatTimeoutMs: 2_000,
  handshakeTimeoutMs: 3_000,
  dialTimeoutMs: 1_500,
  backoffBaseMs: 100,
  backoffMaxMs: 2_000,
  interestTimeoutMs: 3_000,
  startTimeoutMs: 2_000,
  stopTimeoutMs: 1_000,
  leaverHoldMs: 10_000,
  unreachableGraceMs: 5_000,
  logRepeatMs: 600_000,
};

/** Smallest `frameBytesMax` that still carries the longest topic. */
const frameBytesMin = 2 * topicBytesMax;

function invalid(message: string): SimurghError {
  return new SimurghError("mesh_config_invalid", message);
}

function requirePositive(group: string, values: object): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw invalid(`${group}.${name} must be a positive whole number, not ${String(value)}`);
    }
  }
}

/** Takes anything: a secret often comes from the environment, and may be missing there. */
function checkedSecrets(secret: unknown): readonly string[] {
  const secrets: unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length === 0 || secret === undefined || secret === "") throw invalid("secret is missing");
  const checked: string[] = [];
  for (const one of secrets) {
    if (typeof one !== "string" || Buffer.byteLength(one, "utf8") < secretBytesMin) {
      throw invalid(`each secret must be a string of at least ${secretBytesMin} bytes`);
    }
    checked.push(one);
  }
  return checked;
}

function defined<T extends object>(values: T | undefined): Partial<T> {
  const entries = Object.entries(values ?? {}).filter(([, value]) => value !== undefined);
  // Object.fromEntries forgets the keys' names; these are keys of T with values of T.
  return Object.fromEntries(entries) as Partial<T>;
}

/** Options with every default filled in. Throws `mesh_config_invalid` for a value that cannot work. */
export function resolveOptions(options: MeshOptions) {
  const limits: MeshLimits = { ...defaultLimits, ...defined(options.limits) };
  const timing: MeshTiming = { ...defaultTiming, ...defined(options.timing) };
  requirePositive("limits", limits);
  requirePositive("timing", timing);
  if (limits.frameBytesMax < frameBytesMin || limits.frameBytesMax > 0x7fff_ffff) {
    throw invalid(`limits.frameBytesMax must lie between ${frameBytesMin} and 2147483647`);
  }
  if (limits.queueBytesMax < limits.frameBytesMax) {
    throw invalid("limits.queueBytesMax must not be smaller than limits.frameBytesMax");
  }
  if (timing.heartbeatTimeoutMs < 2 * timing.heartbeatPeriodMs) {
    throw invalid("timing.heartbeatTimeoutMs must be at least twice timing.heartbeatPeriodMs");
  }
  if (options.tls !== undefined && options.network !== undefined) {
    throw invalid("tls belongs to the default network; give either tls or network");
  }
  const listen = { host: options.listen?.host ?? "127.0.0.1", port: options.listen?.port ?? 0 };
  if (!Number.isInteger(listen.port) || listen.port < 0 || listen.port > 65_535) {
    throw invalid("listen.port must lie between 0 and 65535");
  }
  return {
    secrets: checkedSecrets(options.secret),
    listen,
    peers: (options.peers ?? []).map((peer) => parsePeer(peer)),
    tls: options.tls,
    limits,
    timing,
    network: options.network,
    defer: options.defer ?? ((flush: () => void) => void setImmediate(flush)),
  };
}

/** What {@link resolveOptions} returns. */
export type MeshSettings = ReturnType<typeof resolveOptions>;
