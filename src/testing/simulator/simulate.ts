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
import type { PresenceCounts } from "./presence/model.js";
import type { PresencePlan } from "./presence/plan.js";
import { type CreatePresence, PresenceWorld } from "./presence/presence-world.js";
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
  /** Puts presence on every node; what of its plan is given is not left to the seed. Default: PubSub alone. */
  readonly presence?: Partial<PresencePlan>;
  /** Makes the presence of each node; for who tests the simulator itself. */
  readonly createPresence?: CreatePresence;
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
  /** What came of presence, where there was any. */
  readonly presence: SimulatedPresenceResult | undefined;
}

/** What came of presence. */
export interface SimulatedPresenceResult extends PresenceCounts {
  /** From whole again until every node agreed with what was the case. */
  readonly agreedAfterMs: number | undefined;
  readonly plan: PresencePlan;
}

/** Rounds of messages after the healing, every node on every topic. */
const rounds = 3;

/** Virtual time between two looks at whether all agree. */
const agreementStepUs = 10_000;

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
  readonly #presence: PresenceWorld | undefined;
  #healedAfterMs: number | undefined;
  #agreedAfterMs: number | undefined;

  constructor(options: SimulationOptions) {
    const { seed, engine, print, scenario } = options;
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
    this.#presence = this.#presenceOf(options, calm);
    cluster.presence = this.#presence;
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

  #presenceOf({ seed, presence, createPresence }: SimulationOptions, calm: Calm): PresenceWorld | undefined {
    if (presence === undefined) return undefined;
    return new PresenceWorld({
      seed,
      world: this.#world,
      calm,
      calmAfterMs: this.#bounds.calmAfterMs,
      deliverWithinMs: this.#bounds.deliverWithinMs,
      nodes: this.#scenario.nodes,
      plan: presence,
      create: createPresence,
      lives: () => this.#cluster.lives(),
    });
  }

  async run(): Promise<SimulationResult> {
    for (const phase of [this.#suffer, this.#heal, this.#agree, this.#prove, this.#leave]) {
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
      presence: this.#presence && {
        ...this.#presence.counts,
        agreedAfterMs: this.#agreedAfterMs,
        plan: this.#presence.plan,
      },
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
    const presence = this.#presence;
    if (presence !== undefined) {
      this.#repeat(presence.plan.deedEveryMs, endUs, () => presence.users.deed());
    }
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
    if (this.#presence !== undefined) await this.#converge(this.#presence);
    // Some of the last faults' consequences may still come; then nobody has an excuse any more.
    await world.runUntil(Math.max(world.nowUs, fromUs + healWithinMs * 1_000) + (calmAfterMs + 1) * 1_000);
    if (!whole()) world.fail("the healed cluster fell apart again");
  }

  /** Who reaches each other agrees about who is there, whatever was before. */
  async #converge(presence: PresenceWorld): Promise<void> {
    const { convergeWithinMs, tellWithinMs } = presence.bounds;
    this.#agreedAfterMs = await this.#untilAgreed(presence, convergeWithinMs + tellWithinMs);
  }

  /** Some come and go, and soon all nodes agree again. */
  async #agree(): Promise<void> {
    const presence = this.#presence;
    if (presence === undefined) return;
    for (let i = 0; i < rounds; i++) {
      presence.users.round();
      await this.#world.runUntil(this.#world.nowUs + this.#chance.between(0, 500_000));
    }
    // Nothing is the matter any more, so what was just told has arrived.
    const { deliverWithinMs } = this.#bounds;
    await this.#untilAgreed(
      presence,
      2 * deliverWithinMs + presence.plan.flushMs + presence.bounds.tellWithinMs,
    );
  }

  /** Returns after how many milliseconds all agreed; undefined when a promise was broken. */
  async #untilAgreed(presence: PresenceWorld, withinMs: number): Promise<number | undefined> {
    const world = this.#world;
    const fromUs = world.nowUs;
    let disagreement = presence.disagreement();
    while (disagreement !== undefined && world.violation === undefined) {
      if (world.nowUs - fromUs > withinMs * 1_000) {
        world.fail(`no agreement ${withinMs} ms after the healing: ${disagreement}`);
      }
      await world.runUntil(world.nowUs + agreementStepUs);
      disagreement = presence.disagreement();
    }
    return world.violation === undefined ? (world.nowUs - fromUs) / 1_000 : undefined;
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
    const queuing = () =>
      this.#cluster.running().find(({ pubsub }) => (pubsub.stats().queued_bytes ?? 0) > 0);
    // Trackers speak at any time; what they say leaves at once.
    await world.runUntil(world.nowUs + this.#bounds.deliverWithinMs * 1_000, () => queuing() === undefined);
    const behind = queuing();
    if (behind !== undefined) world.fail(`${behind.label} still queues something`);
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
