import { isIP, isIPv4 } from "node:net";
import { invalidDiscovery, portNumber, positiveNumbers } from "../../../runtime/discovery/check.js";

/** How long gossip waits for what. */
export interface GossipTiming {
  /** Between two packets of a node; a random quarter more or less. */
  readonly periodMs: number;
  /** A node that was not heard for so long is no longer seen. */
  readonly expiryMs: number;
  /** How soon at most a node that is new here is answered. */
  readonly answerMs: number;
  /** A fault of the same kind from the same host is logged once in this time. */
  readonly logRepeatMs: number;
}

/** What is bounded in gossip. */
export interface GossipLimits {
  /** Nodes remembered; further ones are not seen, and counted. */
  readonly nodesMax: number;
  /** Packets read in a second; further ones are dropped unread, and counted. */
  readonly packetsPerSecondMax: number;
}

/** Settings of {@link gossip}. Everything has a default. */
export interface GossipOptions {
  /**
   * Seals the packets; of several the first seals, all open. Default: that of the cluster. `false`: packets are plain,
   * and anybody in reach can make this node dial any address (though not admit anybody there).
   */
  readonly secret?: string | readonly string[] | false;
  /** The UDP port, the same on all nodes. Default: 45,893. */
  readonly port?: number;
  /** The multicast group, the same on all nodes; `false`: none. Default: 239.255.45.89. */
  readonly multicast?: string | false;
  /** Broadcast addresses, where multicast does not reach: `10.0.0.255`. Default: none. */
  readonly broadcast?: string | readonly string[];
  /** The IPv4 address of the interface to gossip at. Default: where the node listens; if everywhere, the system's choice. */
  readonly interface?: string;
  /** How many routers a multicast packet may pass, and one. Default: 1. */
  readonly ttl?: number;
  /** The address at which others are to dial this node, if it is another than the one it listens at. */
  readonly advertise?: string;
  readonly timing?: Partial<GossipTiming>;
  readonly limits?: Partial<GossipLimits>;
}

/** Defaults of {@link GossipTiming}. */
export const gossipTiming: GossipTiming = {
  periodMs: 1_000,
  expiryMs: 15_000,
  answerMs: 100,
  logRepeatMs: 60_000,
};

/** Defaults of {@link GossipLimits}. */
export const gossipLimits: GossipLimits = { nodesMax: 1_024, packetsPerSecondMax: 4_000 };

/** Shortest secret that seals, in bytes: it is a key, not a password. */
const secretBytesMin = 16;

function checkedSecrets(secret: GossipOptions["secret"]): readonly string[] | undefined {
  if (secret === undefined) return undefined;
  if (secret === false) return [];
  const secrets = typeof secret === "string" ? [secret] : secret;
  if (secrets.length === 0 || secrets.some((one) => Buffer.byteLength(one) < secretBytesMin)) {
    throw invalidDiscovery(`each secret of gossip must have at least ${secretBytesMin} bytes`);
  }
  return secrets;
}

function ipv4(name: string, text: string): string {
  if (isIPv4(text)) return text;
  throw invalidDiscovery(`${name} must be an IPv4 address, not "${text}"`);
}

/** Options with every default filled in. Throws `discovery_config_invalid` for a value that cannot work. */
export function resolveGossip(options: GossipOptions) {
  const { multicast = "239.255.45.89", broadcast = [], ttl = 1, advertise } = options;
  if (multicast !== false && !/^2(2[4-9]|3\d)\./.test(ipv4("multicast", multicast))) {
    throw invalidDiscovery(`multicast must be from 224.0.0.0 to 239.255.255.255, not ${multicast}`);
  }
  const broadcasts = (typeof broadcast === "string" ? [broadcast] : broadcast).map((one) =>
    ipv4("broadcast", one),
  );
  const targets = [...(multicast === false ? [] : [multicast]), ...broadcasts];
  if (targets.length === 0) throw invalidDiscovery("gossip needs a multicast group or a broadcast address");
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > 255) throw invalidDiscovery("ttl must be from 0 to 255");
  if (advertise !== undefined && isIP(advertise) === 0) {
    throw invalidDiscovery(`advertise must be an IP address, not "${advertise}"`);
  }
  return {
    secrets: checkedSecrets(options.secret),
    port: portNumber("port", options.port ?? 45_893),
    multicast: multicast === false ? undefined : multicast,
    targets,
    interface: options.interface === undefined ? undefined : ipv4("interface", options.interface),
    ttl,
    advertise,
    timing: positiveNumbers("timing", gossipTiming, options.timing),
    limits: positiveNumbers("limits", gossipLimits, options.limits),
  };
}

/** What {@link resolveGossip} returns. */
export type GossipSettings = ReturnType<typeof resolveGossip>;
