/** Ways to find the other nodes of a cluster, for the `discover` option of the mesh. */

export type { DiscoveryHost, DiscoveryStrategy, Sighting } from "./contracts/discovery.js";
export { dns } from "./edges/discovery/dns/dns.js";
export type { DnsLimits, DnsOptions, DnsTiming } from "./edges/discovery/dns/options.js";
export { file } from "./edges/discovery/file/file.js";
export type { FileLimits, FileOptions, FileTiming } from "./edges/discovery/file/options.js";
export { gossip } from "./edges/discovery/gossip/gossip.js";
export type { GossipLimits, GossipOptions, GossipTiming } from "./edges/discovery/gossip/options.js";
export { kubernetes } from "./edges/discovery/kubernetes/kubernetes.js";
export type {
  KubernetesLimits,
  KubernetesOptions,
  KubernetesTiming,
} from "./edges/discovery/kubernetes/options.js";
export { type StaticHostsOptions, staticHosts } from "./edges/discovery/static-hosts.js";
export type {
  DiscoveredPeer,
  Discovery,
  DiscoveryEvent,
  DiscoveryLimits,
  PeerState,
  Topology,
  TopologyHooks,
  TopologyReport,
} from "./runtime/discovery/topology.js";
