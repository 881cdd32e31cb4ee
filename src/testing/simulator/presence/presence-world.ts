import { Prng } from "../../../core/shared/prng.js";
import { NodePresence, type PresenceContext } from "../../../runtime/presence/node-presence.js";
import type { PresenceSettings } from "../../../runtime/presence/settings.js";
import type { Calm } from "../calm.js";
import type { Life } from "../life.js";
import type { World } from "../world.js";
import { Farewells } from "./farewell.js";
import { type PresenceCounts, PresenceModel } from "./model.js";
import {
  drawPresencePlan,
  type PresenceBounds,
  type PresencePlan,
  presenceBounds,
  settingsOf,
} from "./plan.js";
import { PresenceResident } from "./resident.js";
import { Survey } from "./survey.js";
import { PresenceUsers } from "./users.js";
import { fetchedField } from "./view.js";

/** Virtual time between two looks at all nodes. */
const surveyEveryUs = 250_000;

/** Makes the presence of a node; who tests the simulator itself puts something else in between. */
export type CreatePresence = (settings: PresenceSettings, context: PresenceContext) => NodePresence;

/** What presence in a simulation is made of. */
export interface PresenceWorldParts {
  readonly seed: number;
  readonly world: World;
  readonly calm: Calm;
  readonly calmAfterMs: number;
  readonly deliverWithinMs: number;
  readonly nodes: number;
  readonly plan: Partial<PresencePlan>;
  readonly create?: CreatePresence | undefined;
  readonly lives: () => Iterable<Life>;
}

/** Presence on all nodes of a simulation: who is there, and whether every node knows. */
export class PresenceWorld {
  readonly plan: PresencePlan;
  readonly bounds: PresenceBounds;
  readonly users: PresenceUsers;
  readonly #parts: PresenceWorldParts;
  readonly #model = new PresenceModel();
  readonly #survey: Survey;
  readonly #farewells: Farewells;
  readonly #settings: PresenceSettings;
  readonly #fetching: Prng;

  constructor(parts: PresenceWorldParts) {
    const { seed, world, calm, calmAfterMs, deliverWithinMs } = parts;
    this.#parts = parts;
    this.plan = { ...drawPresencePlan(new Prng(seed, "presence plan")), ...parts.plan };
    this.bounds = presenceBounds(this.plan, parts.nodes);
    this.#fetching = new Prng(seed, "fetch");
    this.#settings = settingsOf(this.plan, () => undefined);
    const { plan, bounds } = this;
    const topics = Array.from({ length: plan.topics }, (_, index) => `hall:${index}`);
    const residents = (): PresenceResident[] => this.#residents();
    this.#survey = new Survey({
      world,
      calm,
      calmAfterMs,
      plan,
      bounds,
      model: this.#model,
      topics,
      residents,
    });
    // Nothing has to be repaired for it: only the way there counts, and the next life must not come first.
    const noticeWithinMs = deliverWithinMs / 4;
    this.#farewells = new Farewells({ world, calm, calmAfterMs, noticeWithinMs, topics, residents });
    this.users = new PresenceUsers(new Prng(seed, "people"), topics, plan.keys, residents);
    this.#look();
  }

  get counts(): PresenceCounts {
    return this.#model.counts;
  }

  /** Gives a new life its presence. */
  settle(life: Life): void {
    const { world, create } = this.#parts;
    const { clock, random } = life.process;
    const make: CreatePresence = create ?? ((settings, context) => new NodePresence(settings, context));
    const node = make(this.#settingsFor(life), { pubsub: life.pubsub, clock, random, logger: life.logger });
    life.resident = new PresenceResident({ world, life, plan: this.plan, model: this.#model, node });
  }

  /** A node is about to leave in good order. */
  leaving(life: Life): void {
    this.#farewells.leaving(life);
  }

  /** It has taken leave. */
  left(life: Life): void {
    this.#farewells.left(life);
  }

  /** What keeps the nodes from agreeing with what is the case; undefined when nothing does. */
  disagreement(): string | undefined {
    return this.#survey.disagreement();
  }

  /** Each node's fetch takes its own time. */
  #settingsFor({ process }: Life): PresenceSettings {
    const { world } = this.#parts;
    const { fetchMs } = this.plan;
    if (fetchMs === undefined) return this.#settings;
    const chance = this.#fetching;
    return settingsOf(this.plan, (_topic, presences) => {
      const fetched = Object.fromEntries(
        Object.entries(presences).map(([key, presence]) => [key, { ...presence, [fetchedField]: key }]),
      );
      if (chance.chance(0.3)) return fetched;
      return new Promise((resolve) =>
        world.after(chance.between(0, fetchMs) * 1_000, () => process.handle(() => resolve(fetched))),
      );
    });
  }

  #residents(): PresenceResident[] {
    return [...this.#parts.lives()].flatMap(({ resident }) => resident ?? []);
  }

  #look(): void {
    this.#parts.world.after(surveyEveryUs, () => {
      this.#survey.check();
      this.#look();
    });
  }
}
