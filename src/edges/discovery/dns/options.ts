import { isIP } from "node:net";
import { invalidDiscovery, portNumber, positiveNumbers } from "../../../runtime/discovery/check.js";

/** How long the asking of DNS waits for what. */
export interface DnsTiming {
  /** Between two looks; a random quarter more or less. */
  readonly periodMs: number;
  /** How long a server may take for one answer before it is asked again, or the next one is. */
  readonly queryMsMax: number;
  /** How long a whole look may take; then it has failed. */
  readonly lookMsMax: number;
  /** A fault of the same kind is logged once in this time. */
  readonly logRepeatMs: number;
}

/** What is bounded in the asking of DNS. */
export interface DnsLimits {
  /** Records of one answer that are read; further ones are not seen, and counted. */
  readonly recordsMax: number;
  /** Names of SRV targets that are asked about at the same time. */
  readonly queriesMax: number;
  /** How often a server is asked before a query fails. */
  readonly triesMax: number;
}

/** Settings of {@link dns}. */
export interface DnsOptions {
  /** The whole name to ask for; search lists of the system are not used: `nodes.example.org`, `_mesh._tcp.example.org`. */
  readonly name: string;
  /** The port at which all nodes listen: A and AAAA records are asked for. Left out: SRV records, which say the port. */
  readonly port?: number;
  /** Which addresses are wanted. Default: both. */
  readonly family?: 4 | 6;
  /** The servers to ask, `10.0.0.53`, `10.0.0.53:5353` or `[::1]:5353`. Default: those of the system, read before each look. */
  readonly servers?: readonly string[];
  readonly timing?: Partial<DnsTiming>;
  readonly limits?: Partial<DnsLimits>;
}

/** Defaults of {@link DnsTiming}. */
export const dnsTiming: DnsTiming = {
  periodMs: 5_000,
  queryMsMax: 2_000,
  lookMsMax: 10_000,
  logRepeatMs: 60_000,
};

/** Defaults of {@link DnsLimits}. */
export const dnsLimits: DnsLimits = { recordsMax: 1_024, queriesMax: 16, triesMax: 2 };

function checkedName(name: string): string {
  const bare = name.replace(/\.$/, "");
  const isName = bare.split(".").every((label) => /^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})$/.test(label));
  if (isName && bare.length <= 253 && isIP(bare) === 0) return bare;
  throw invalidDiscovery(`"${name}" is no name of the DNS`);
}

function checkedServer(server: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(server);
  const host = match?.[1] ?? match?.[2] ?? server;
  if (isIP(host) === 0) {
    throw invalidDiscovery(
      `a server of the DNS must be an IP address with or without a port, not "${server}"`,
    );
  }
  const port = portNumber("the port of a DNS server", Number(match?.[3] ?? 53));
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Options with every default filled in. Throws `discovery_config_invalid` for a value that cannot work. */
export function resolveDns(options: DnsOptions) {
  const { name, port, family, servers } = options;
  if (family !== undefined && family !== 4 && family !== 6) throw invalidDiscovery("family must be 4 or 6");
  if (servers !== undefined && servers.length === 0) throw invalidDiscovery("servers must not be empty");
  return {
    name: checkedName(name),
    port: port === undefined ? undefined : portNumber("port", port),
    families: family === undefined ? ([4, 6] as const) : [family],
    servers: servers?.map(checkedServer),
    timing: positiveNumbers("timing", dnsTiming, options.timing),
    limits: positiveNumbers("limits", dnsLimits, options.limits),
  };
}

/** What {@link resolveDns} returns. */
export type DnsSettings = ReturnType<typeof resolveDns>;
