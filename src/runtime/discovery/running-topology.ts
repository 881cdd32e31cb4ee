import type { Sighting } from "../../contracts/discovery.js";
import { Ledger, type Verdict } from "./ledger.js";
import type {
  DiscoveredPeer,
  DiscoveryEvent,
  DiscoveryLimits,
  DiscoverySurroundings,
  PeerState,
  Topology,
  TopologyHooks,
} from "./topology.js";

/** What a {@link RunningTopology} is made of. */
export interface RunningTopologyOptions {
  readonly name: string;
  readonly topology: Topology;
  /** What hooks the topology has not. */
  readonly engine: Required<TopologyHooks>;
  readonly limits: DiscoveryLimits;
  readonly surroundings: DiscoverySurroundings;
  tell(event: DiscoveryEvent): void;
  /** Whether another topology sees that address, too. */
  heldElsewhere(key: string): boolean;
}

/** One topology of a running node. */
export class RunningTopology {
  readonly #options: RunningTopologyOptions;
  readonly #ledger: Ledger;
  readonly #counts = { views: 0, empty_views: 0, failures: 0, hook_errors: 0 };
  #listening = true;
  #failing: string | undefined;

  constructor(options: RunningTopologyOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.limits);
  }

  get failing(): string | undefined {
    return this.#failing;
  }

  get size(): number {
    return this.#ledger.size;
  }

  /** Whether whom it finds becomes the engine's peers. */
  get usesEngine(): boolean {
    return this.#options.topology.connect === undefined;
  }

  holds(key: string): boolean {
    return this.#ledger.has(key);
  }

  async start(): Promise<void> {
    const { topology, surroundings } = this.#options;
    await topology.strategy.start({
      ...surroundings,
      view: (sightings) => this.#onView(sightings),
      failed: (reason) => this.#onFailed(reason),
    });
  }

  /** Ends the looking; whom it has found is swept out later. */
  async stop(): Promise<void> {
    if (this.#listening) this.#ledger.close(this.#options.surroundings.clock.monotonic());
    this.#listening = false;
    await this.#options.topology.strategy.stop();
  }

  sweep(engineStates: ReadonlyMap<string, PeerState>): void {
    this.#carryOut(this.#ledger.sweep(this.#states(engineStates), this.#nowMs()));
  }

  forgetAll(): void {
    this.#carryOut(this.#ledger.clear().map(([key, peer]) => ({ what: "forget", key, peer })));
  }

  peers(): DiscoveredPeer[] {
    return this.#ledger.report(this.#states(this.#options.engine.list()));
  }

  counts(): Record<string, number> {
    return { ...this.#counts, peers: this.#ledger.size, peers_over_limit: this.#ledger.overflows };
  }

  #nowMs(): number {
    return this.#options.surroundings.clock.monotonic();
  }

  #states(engineStates: ReadonlyMap<string, PeerState>): ReadonlyMap<string, PeerState> {
    return this.#guarded("list", () => this.#options.topology.list?.()) ?? engineStates;
  }

  #onView(sightings: readonly Sighting[]): void {
    if (!this.#listening) return;
    this.#counts.views += 1;
    if (sightings.length === 0) this.#counts.empty_views += 1;
    if (this.#failing !== undefined) {
      this.#failing = undefined;
      this.#options.tell({ type: "topology_recovered", topology: this.#options.name });
    }
    const others = sightings.filter((one) => !this.#isSelf(one));
    this.#carryOut(this.#ledger.take(others, this.#nowMs()));
  }

  #onFailed(reason: string): void {
    if (!this.#listening) return;
    this.#counts.failures += 1;
    const isNews = this.#failing === undefined;
    this.#failing = reason;
    // One line for one spell of trouble, however long it lasts.
    if (isNews) this.#options.tell({ type: "topology_failing", topology: this.#options.name, reason });
  }

  /**
   * What is not recognised here is by the handshake of the engine. So is whoever speaks of a life under this node's
   * name, which may be another node: it must be dialled to be refused, or neither of the two would ever say so.
   */
  #isSelf({ name, address, life }: Sighting): boolean {
    const { nodeName, address: own } = this.#options.surroundings;
    const isNamed = name === nodeName && life === undefined;
    return isNamed || (address.host === own.host && address.port === own.port);
  }

  #carryOut(verdicts: readonly Verdict[]): void {
    const { name: topology, engine, heldElsewhere } = this.#options;
    for (const verdict of verdicts) {
      const { key, peer } = verdict;
      const own = this.#options.topology;
      const isShared = this.usesEngine && heldElsewhere(key);
      if (verdict.what === "connect") {
        // To the engine a second connect would say that a leaver is back.
        const isNeeded = !verdict.news || !isShared;
        if (isNeeded)
          this.#guarded("connect", () => (own.connect ? own.connect(peer) : engine.connect(peer)));
        if (verdict.news) this.#options.tell({ type: "peer_found", topology, address: key, node: peer.name });
      } else {
        if (!isShared) {
          this.#guarded("disconnect", () => {
            if (own.disconnect) own.disconnect(peer);
            else if (this.usesEngine) engine.disconnect(peer);
          });
        }
        this.#options.tell({ type: "peer_gone", topology, address: key, node: peer.name });
      }
    }
  }

  /** A hook is the application's; what it throws must not end the looking. */
  #guarded<T>(hook: string, run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      this.#counts.hook_errors += 1;
      const reason = error instanceof Error ? error.message : String(error);
      const { name: topology, surroundings } = this.#options;
      surroundings.logger.error("a hook of a topology threw", { topology, hook, reason });
      return undefined;
    }
  }
}
