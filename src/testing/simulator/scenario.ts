import type { Prng } from "../../core/shared/prng.js";
import type { FaultKind } from "./faults.js";
import { faultKinds } from "./faults.js";

/** What kind of a run a seed makes. Each seed is of its own kind, so that rare mixtures are met, too. */
export interface Scenario {
  readonly nodes: number;
  /** Every node dials every other, or only those before it. */
  readonly dialAll: boolean;
  readonly topics: number;
  readonly latencyUs: number;
  readonly jitterUs: number;
  /** Mean time between two deeds of the users. */
  readonly deedEveryMs: number;
  /** Mean time between two faults. */
  readonly faultEveryMs: number;
  readonly faultPhaseMs: number;
  /** Faults that this run knows. */
  readonly faults: readonly FaultKind[];
}

/** Draws a scenario. */
export function drawScenario(chance: Prng): Scenario {
  const share = chance.pick([0, 0.15, 0.4, 1]) ?? 1;
  return {
    nodes: chance.between(2, 5),
    dialAll: chance.chance(0.6),
    topics: chance.between(1, 8),
    latencyUs: chance.pick([100, 500, 5_000, 40_000]) ?? 500,
    jitterUs: chance.pick([0, 200, 20_000]) ?? 0,
    deedEveryMs: chance.pick([5, 20, 80]) ?? 20,
    faultEveryMs: chance.pick([150, 600, 2_000]) ?? 600,
    faultPhaseMs: chance.between(3_000, 20_000),
    faults: faultKinds.filter(() => chance.chance(share)),
  };
}
