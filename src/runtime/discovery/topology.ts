import type { DiscoveryHost, DiscoveryStrategy, Sighting } from "../../contracts/discovery.js";

/** How the link to an address is: `self` is this very node, `left` announced its leaving, `away` is not linked. */
export type PeerState = "linked" | "left" | "self" | "away";

/** What a topology does with those it finds. Each has the engine's own way as its default. */
export interface TopologyHooks {
  /** Links this node with a peer and keeps it linked. Called when an address newly appears, or has a new life. */
  connect?(peer: Sighting): void;
  /** Stops trying. Called when a peer is gone from the answers and its link is dead. */
  disconnect?(peer: Sighting): void;
  /** How the link to each known address (`host:port`) is; one that is not listed is away. */
  list?(): ReadonlyMap<string, PeerState>;
}

/** A strategy with a name and, perhaps, hooks of its own. */
export interface Topology extends TopologyHooks {
  /** Unique within the node. Default: the kind of its strategy, with a number if there are several. */
  readonly name?: string;
  readonly strategy: DiscoveryStrategy;
}

/** What happens to topologies and to those whom they find. */
export type DiscoveryEvent =
  | { readonly type: "topology_added"; readonly topology: string }
  | { readonly type: "topology_removed"; readonly topology: string }
  | { readonly type: "topology_failing"; readonly topology: string; readonly reason: string }
  | { readonly type: "topology_recovered"; readonly topology: string }
  | {
      readonly type: "peer_found" | "peer_gone";
      readonly topology: string;
      /** `host:port` */
      readonly address: string;
      readonly node: string | undefined;
    };

/** One peer of a topology, for the eyes of an operator. */
export interface DiscoveredPeer {
  /** `host:port` */
  readonly address: string;
  readonly node: string | undefined;
  readonly state: PeerState;
  /** Whether the last answer had it. */
  readonly listed: boolean;
}

/** One topology, for the eyes of an operator. */
export interface TopologyReport {
  readonly name: string;
  readonly kind: string;
  /** Why its last look failed; undefined when it did not. */
  readonly failing: string | undefined;
  readonly peers: readonly DiscoveredPeer[];
}

/** The topologies of a node, which come and go at run time. */
export interface Discovery {
  /** Adds one; it begins at once if the node runs. Rejects with the strategy's error, and the topology is not added. */
  add(topology: Topology | DiscoveryStrategy): Promise<void>;
  /** Ends one. Nobody is disconnected: whom only it had found is forgotten when the link is dead. False: no such. */
  remove(name: string): Promise<boolean>;
  list(): readonly TopologyReport[];
  /** Hears every event from now on. Returns a function that ends that. */
  listen(listener: (event: DiscoveryEvent) => void): () => void;
}

/** Everything that discovery waits for, and everything of it that is bounded. */
export interface DiscoveryLimits {
  /** How long a peer must be missing from the answers, its link dead, before it is forgotten. */
  readonly absentMs: number;
  /** After how long a peer that announced its leaving is tried again though the answers still have it. */
  readonly leaverHoldMs: number;
  /** How often absent peers and leavers are looked at. */
  readonly sweepMs: number;
  /** Peers of one topology; more are not dialled, and counted. */
  readonly peersMax: number;
}

/** Defaults of {@link DiscoveryLimits}. */
export const defaultDiscoveryLimits: DiscoveryLimits = {
  absentMs: 30_000,
  leaverHoldMs: 30_000,
  sweepMs: 1_000,
  peersMax: 1_024,
};

/** What the topologies of a node work with while it runs. */
export type DiscoverySurroundings = Omit<DiscoveryHost, "view" | "failed">;
