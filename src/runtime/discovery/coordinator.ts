import type { Cancel } from "../../contracts/clock.js";
import type { DiscoveryStrategy } from "../../contracts/discovery.js";
import { assert } from "../../core/shared/assert.js";
import { SimurghError } from "../errors.js";
import { positiveNumbers } from "./check.js";
import { RunningTopology } from "./running-topology.js";
import type {
  Discovery,
  DiscoveryEvent,
  DiscoveryLimits,
  DiscoverySurroundings,
  Topology,
  TopologyHooks,
  TopologyReport,
} from "./topology.js";
import { defaultDiscoveryLimits } from "./topology.js";

/** A topology as it was added, and its worker while the node runs. */
interface Member {
  readonly name: string;
  readonly topology: Topology;
  worker: RunningTopology | undefined;
}

const words = {
  topology_added: "discovery begins",
  topology_removed: "discovery ends",
  topology_failing: "discovery fails; whom it had found stays",
  topology_recovered: "discovery works again",
  peer_found: "discovery found a node",
  peer_gone: "discovery lost a node",
} as const satisfies Record<DiscoveryEvent["type"], string>;

/**
 * Runs the topologies of a node: several at once, each coming and going at run time. What one of them finds is dialled
 * once; whom none of them sees any more is forgotten when the link is dead, and not before.
 */
export class DiscoveryCoordinator implements Discovery {
  readonly #limits: DiscoveryLimits;
  readonly #engine: Required<TopologyHooks>;
  readonly #members = new Map<string, Member>();
  /** Removed topologies whose peers are not forgotten yet. */
  readonly #leaving = new Set<RunningTopology>();
  readonly #listeners = new Set<(event: DiscoveryEvent) => void>();
  #life: { readonly surroundings: DiscoverySurroundings; readonly cancelSweep: Cancel } | undefined;

  constructor(
    topologies: readonly (Topology | DiscoveryStrategy)[],
    engine: Required<TopologyHooks>,
    limits: Partial<DiscoveryLimits> = {},
  ) {
    this.#limits = positiveNumbers("discovery", defaultDiscoveryLimits, limits);
    this.#engine = engine;
    for (const topology of topologies) this.#enrol(topology);
  }

  /** Starts every topology. Rejects with the error of the first that cannot start; all are stopped then. */
  async start(surroundings: DiscoverySurroundings): Promise<void> {
    assert(this.#life === undefined, "discovery is started once at a time");
    const { clock } = surroundings;
    this.#life = { surroundings, cancelSweep: clock.every(this.#limits.sweepMs, () => this.#sweep()) };
    try {
      for (const member of [...this.#members.values()]) await this.#launch(member);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops every topology and forgets whom they have found; they are started again by the next `start`. */
  async stop(): Promise<void> {
    this.#life?.cancelSweep();
    this.#life = undefined;
    const workers = [...this.#leaving];
    this.#leaving.clear();
    for (const member of this.#members.values()) {
      if (member.worker !== undefined) workers.push(member.worker);
      member.worker = undefined;
    }
    const stopped = workers.map((worker) => worker.stop());
    for (const worker of workers) worker.forgetAll();
    await Promise.all(stopped);
  }

  async add(topology: Topology | DiscoveryStrategy): Promise<void> {
    const member = this.#enrol(topology);
    try {
      await this.#launch(member);
    } catch (error) {
      this.#members.delete(member.name);
      throw error;
    }
  }

  async remove(name: string): Promise<boolean> {
    const member = this.#members.get(name);
    if (member === undefined) return false;
    this.#members.delete(name);
    const { worker } = member;
    if (worker === undefined || this.#life === undefined) return true;
    this.#leaving.add(worker);
    const stopped = worker.stop();
    this.#tell({ type: "topology_removed", topology: name });
    await stopped;
    return true;
  }

  list(): readonly TopologyReport[] {
    return [...this.#members.values()].map(({ name, topology, worker }) => ({
      name,
      kind: topology.strategy.kind,
      failing: worker?.failing,
      peers: worker?.peers() ?? [],
    }));
  }

  listen(listener: (event: DiscoveryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Sums over all topologies, and what each kind of strategy counts, under its name. */
  stats(): Record<string, number> {
    const sums: Record<string, number> = { discovery_topologies: this.#members.size };
    const add = (name: string, value: number) => {
      sums[name] = (sums[name] ?? 0) + value;
    };
    for (const { topology, worker } of this.#members.values()) {
      for (const [name, value] of Object.entries(worker?.counts() ?? {})) add(`discovery_${name}`, value);
      const { kind } = topology.strategy;
      for (const [name, value] of Object.entries(topology.strategy.stats())) {
        add(`discovery_${kind}_${name}`, value);
      }
    }
    return sums;
  }

  #enrol(given: Topology | DiscoveryStrategy): Member {
    const topology = "strategy" in given ? given : { strategy: given };
    const { kind } = topology.strategy;
    const name = topology.name ?? this.#freeName(kind);
    if (this.#members.has(name)) {
      throw new SimurghError("discovery_config_invalid", `there is a topology "${name}" already`);
    }
    const isUsed = [...this.#members.values()].some((one) => one.topology.strategy === topology.strategy);
    if (isUsed) throw new SimurghError("discovery_config_invalid", `a strategy ${kind} is given twice`);
    const member: Member = { name, topology, worker: undefined };
    this.#members.set(name, member);
    return member;
  }

  #freeName(kind: string): string {
    for (let n = 1; ; n++) {
      const name = n === 1 ? kind : `${kind}-${n}`;
      if (!this.#members.has(name)) return name;
    }
  }

  async #launch(member: Member): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    const worker = new RunningTopology({
      name: member.name,
      topology: member.topology,
      engine: this.#engine,
      limits: this.#limits,
      surroundings: life.surroundings,
      tell: (event) => this.#tell(event),
      heldElsewhere: (key) => this.#isHeld(key, worker),
    });
    member.worker = worker;
    this.#tell({ type: "topology_added", topology: member.name });
    try {
      await worker.start();
    } catch (error) {
      member.worker = undefined;
      await worker.stop();
      worker.forgetAll();
      this.#tell({ type: "topology_removed", topology: member.name });
      throw error;
    }
  }

  #workers(): RunningTopology[] {
    const members = [...this.#members.values()].flatMap(({ worker }) => worker ?? []);
    return [...members, ...this.#leaving];
  }

  #isHeld(key: string, by: RunningTopology): boolean {
    return this.#workers().some((worker) => worker !== by && worker.usesEngine && worker.holds(key));
  }

  #sweep(): void {
    const engineStates = this.#engine.list();
    for (const worker of this.#workers()) worker.sweep(engineStates);
    for (const worker of this.#leaving) if (worker.size === 0) this.#leaving.delete(worker);
  }

  #tell(event: DiscoveryEvent): void {
    const logger = this.#life?.surroundings.logger;
    const { type, ...fields } = event;
    logger?.[type === "topology_failing" ? "warn" : "info"](words[type], fields);
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        logger?.error("a listener of discovery threw", { reason: String(error) });
      }
    }
  }
}
