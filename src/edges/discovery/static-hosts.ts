import type { DiscoveryStrategy, Sighting } from "../../contracts/discovery.js";
import { formatHostPort, parsePeerText } from "../../core/cluster/peer-text.js";
import { invalidDiscovery } from "../../runtime/discovery/check.js";

/** Settings of {@link staticHosts}. */
export interface StaticHostsOptions {
  /** `name@host:port` or `host:port`. The same list on every node will do: a node finds itself in it and takes no notice. */
  readonly hosts: readonly string[];
  /** How often the list is said again, so that it counts as an answer like any other. Default: 10,000. */
  readonly retryMs?: number;
}

/** Reads what people write about a node. Undefined for what is none. */
export function readSighting(text: string): Sighting | undefined {
  const parsed = parsePeerText(text);
  if (parsed === undefined) return undefined;
  return { address: { host: parsed.host, port: parsed.port }, name: parsed.name };
}

/** Each address once; the first that says it counts. */
export function withoutRepeats(sightings: readonly Sighting[]): Sighting[] {
  const byAddress = new Map<string, Sighting>();
  for (const one of sightings) {
    const key = formatHostPort(one.address);
    if (!byAddress.has(key)) byAddress.set(key, one);
  }
  return [...byAddress.values()];
}

/** Nodes that somebody lists. The engine dials each until it answers. */
export function staticHosts({ hosts, retryMs = 10_000 }: StaticHostsOptions): DiscoveryStrategy {
  const sightings = withoutRepeats(
    hosts.map((host) => {
      const sighting = readSighting(host);
      if (sighting === undefined) throw invalidDiscovery(`"${host}" is neither name@host:port nor host:port`);
      return sighting;
    }),
  );
  if (!(retryMs > 0)) throw invalidDiscovery("retryMs must be above 0");
  let cancel = () => {};
  return {
    kind: "static",
    start: async ({ clock, view }) => {
      cancel = clock.every(retryMs, () => view(sightings));
      view(sightings);
    },
    stop: async () => cancel(),
    stats: () => ({ hosts: sightings.length }),
  };
}
