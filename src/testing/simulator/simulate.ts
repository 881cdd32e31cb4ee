import { Prng } from "../../core/shared/prng.js";
import { Calm } from "./calm.js";
import { Cluster, createMembers } from "./cluster.js";
import type { SimulatedBounds, SimulatedEngine } from "./engine.js";
import { defaultBounds } from "./engine.js";
import type { FaultKind } from "./faults.js";
import { Faults } from "./faults.js";
import type { LedgerCounts } from "./ledger.js";
import { Ledger } from "./ledger.js";
import { SimNetwork } from "./network.js";
import type { Scenario } from "./scenario.js";
import { drawScenario } from "./scenario.js";
import { Weather } from "./weather.js";
import { Workload } from "./workload.js";
import { World } from "./world.js";

/** What to simulate. */
export interface SimulationOptions {
  readonly seed: number;
  readonly engine: SimulatedEngine;
  /** Gets each line of the trace. */
  readonly print?: (line: string) => void;
  /** What of the scenario is not left to the seed. */
  readonly scenario?: Partial<Scenario>;
}

/** What came of it. */
export interface SimulationResult extends LedgerCounts {
  readonly seed: number;
  /** The first promise that was broken; undefined when all were kept. */
  readonly violation: string | undefined;
  /** How many things happened. Where a promise was broken, the number of the one that broke it. */
  readonly steps: number;
  readonly virtualMs: number;
  /** Stands for everything that happened: equal for equal seeds. */
  readonly hash: string;
  /** From the end of the faults until everybody reached everybody. */
  readonly healedAfterMs: number | undefined;
  readonly scenario: Scenario;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

/** Rounds of messages after the healing, every node on every topic. */
const rounds = 3;

/** One run of one seed. */
class Simulation {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #bounds: SimulatedBounds;
  readonly #chance: Prng;
  readonly #cluster: Cluster;
  readonly #ledger: Ledger;
  readonly #faults: Faults;
  readonly #workload: Workload;
  readonly #seed: number;
  #healedAfterMs: number | undefined;

  constructor({ seed, engine, print, scenario }: SimulationOptions) {
    const world = new World(print);
    const calm = new Calm(world);
    const weather = new Weather();
    const network = new SimNetwork(world, weather, new Prng(seed, "network"));
    this.#seed = seed;
    this.#world = world;
    this.#bounds = { ...defaultBounds, ...engine.bounds };
    this.#scenario = { ...drawScenario(new Prng(seed, "scenario")), ...scenario };
    this.#chance = new Prng(seed, "course");
    const members = createMembers(this.#scenario.nodes, this.#scenario.dialAll);
    this.#cluster = new Cluster({ seed, world, network, calm, engine, bounds: this.#bounds }, members);
    this.#ledger = new Ledger(world, calm, this.#bounds, () => this.#cluster.lives());
    this.#cluster.ledger = this.#ledger;
    const cluster = this.#cluster;
    this.#faults = new Faults({ world, network, weather, calm, cluster, chance: new Prng(seed, "faults") });
    this.#workload = new Workload(cluster, this.#ledger, new Prng(seed, "users"), this.#scenario.topics);
    for (const from of members) {
      for (const to of members) {
        const path = weather.path(from.host, to.host);
        path.latencyUs = this.#scenario.latencyUs;
        path.jitterUs = this.#scenario.jitterUs;
      }
    }
  }

  async run(): Promise<SimulationResult> {
    for (const phase of [this.#suffer, this.#heal, this.#prove, this.#leave]) {
      if (this.#world.violation === undefined) await phase.call(this);
    }
    return {
      seed: this.#seed,
      violation: this.#world.violation,
      steps: this.#world.step,
      virtualMs: this.#world.nowUs / 1_000,
      hash: this.#world.hash,
      healedAfterMs: this.#healedAfterMs,
      scenario: this.#scenario,
      faults: Object.fromEntries(this.#faults.counts),
      ...this.#ledger.counts,
    };
  }

  /** The fault phase: safety. Nodes start at different moments, people talk, things go wrong. */
  async #suffer(): Promise<void> {
    const world = this.#world;
    const endUs = world.nowUs + this.#scenario.faultPhaseMs * 1_000;
    for (const member of this.#cluster.members) {
      world.after(this.#chance.between(0, 300_000), () => this.#cluster.start(member));
    }
    this.#repeat(this.#scenario.deedEveryMs, endUs, () => this.#workload.deed());
    this.#repeat(this.#scenario.faultEveryMs, endUs, () => {
      const kind = this.#chance.pick(this.#scenario.faults);
      if (kind !== undefined) this.#faults.inflict(kind);
    });
    await world.runUntil(endUs);
  }

  /** The healing phase: liveness. Nothing goes wrong any more; everybody must find everybody. */
  async #heal(): Promise<void> {
    const world = this.#world;
    const fromUs = world.nowUs;
    this.#faults.heal();
    const { healWithinMs, calmAfterMs } = this.#bounds;
    const whole = () => this.#cluster.whole();
    await world.runUntil(fromUs + healWithinMs * 1_000, whole);
    if (world.violation !== undefined) return;
    if (!whole()) return world.fail(`not everybody reaches everybody ${healWithinMs} ms after the healing`);
    this.#healedAfterMs = (world.nowUs - fromUs) / 1_000;
    // Some of the last faults' consequences may still come; then nobody has an excuse any more.
    await world.runUntil(Math.max(world.nowUs, fromUs + healWithinMs * 1_000) + (calmAfterMs + 1) * 1_000);
    if (!whole()) world.fail("the healed cluster fell apart again");
  }

  /** Everybody hears everybody, once. */
  async #prove(): Promise<void> {
    const world = this.#world;
    let settled = false;
    void this.#workload.settle().then(() => {
      settled = true;
    });
    await world.runUntil(world.nowUs + this.#bounds.deliverWithinMs * 1_000, () => settled);
    if (world.violation === undefined && !settled)
      return world.fail("a subscription was not announced in time");
    const before = this.#ledger.counts.promised;
    let promised = 0;
    for (let i = 0; i < rounds; i++) {
      promised += this.#workload.round();
      await world.runUntil(world.nowUs + this.#chance.between(0, 50_000));
    }
    await world.runUntil(world.nowUs + (this.#bounds.deliverWithinMs + 1) * 1_000);
    const checked = this.#ledger.counts.promised - before;
    if (checked < promised)
      world.fail(`of ${promised} arrivals after the healing only ${checked} were promised`);
    for (const life of this.#cluster.running()) {
      const queuedBytes = life.pubsub.stats().queued_bytes ?? 0;
      if (queuedBytes > 0) world.fail(`${life.label} still queues ${queuedBytes} bytes`);
    }
  }

  /** Everybody leaves, and leaves nothing behind. */
  async #leave(): Promise<void> {
    const world = this.#world;
    for (const member of this.#cluster.members) {
      world.after(this.#chance.between(0, 2_000_000), () => this.#cluster.stop(member));
    }
    await world.runUntil(world.nowUs + 12_000_000);
    for (const life of this.#cluster.lives()) world.fail(`${life.label} is ${life.state} after the end`);
  }

  #repeat(everyMs: number, untilUs: number, act: () => void): void {
    const waitUs = -Math.log(1 - this.#chance.fraction()) * everyMs * 1_000;
    this.#world.after(waitUs, () => {
      if (this.#world.nowUs >= untilUs) return;
      act();
      this.#repeat(everyMs, untilUs, act);
    });
  }
}

/** Runs one seed: a phase of faults, a phase of healing. The same options give the same run, to the last byte. */
export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}
