import { describe, expect, it } from "vitest";
import { faultKinds } from "../../src/testing/simulator/faults.js";
import { type SimulationResult, simulate } from "../../src/testing/simulator/simulate.js";
import { simulatedMesh } from "../support/simulated-mesh.js";

/** Seeds that once found a fault, and what it was. */
const found: readonly (readonly [seed: number, fault: string])[] = [
  [10, "a presence that was stopped kept the timeouts of its fetches"],
  [64, "an update of which the leave came first took the held leave of another device of its key"],
  [70, "the same, told in windows"],
];

const firstSeed = 1_006;
const seeds = 16;

/** Simulations need nothing but a processor, and that may be a busy one. */
const timeoutMs = 180_000;

const run = (seed: number) => simulate({ seed, engine: simulatedMesh(), presence: {} });

const broken = (results: readonly SimulationResult[]) =>
  results
    .filter(({ violation }) => violation !== undefined)
    .map(({ seed, violation }) => `${seed}: ${violation}`);

describe("presence in a simulated cluster", () => {
  it.each(found)("keeps every promise with seed %i: %s", async (seed) => {
    expect(broken([await run(seed)])).toEqual([]);
  });

  it(
    "keeps every promise, whatever goes wrong",
    async () => {
      const results: SimulationResult[] = [];
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) results.push(await run(seed));
      expect(broken(results)).toEqual([]);
      // What was never tried would prove nothing.
      const tried = new Set(results.flatMap(({ faults }) => Object.keys(faults)));
      expect([...tried].sort()).toEqual([...faultKinds].sort());
      const modes = new Set(results.map(({ presence }) => presence?.plan.mode.mode));
      expect([...modes].sort()).toEqual(["coalesced", "counts", "every", "first"]);
      const total = (count: (presence: NonNullable<SimulationResult["presence"]>) => number) =>
        results.reduce((sum, { presence }) => sum + (presence === undefined ? 0 : count(presence)), 0);
      expect(total(({ tracked }) => tracked)).toBeGreaterThan(5_000);
      expect(total(({ updated }) => updated)).toBeGreaterThan(500);
      expect(total(({ joins, leaves }) => Math.min(joins, leaves))).toBeGreaterThan(10_000);
      expect(total(({ agreed }) => agreed)).toBeGreaterThan(10_000);
      expect(total(({ hidden }) => hidden)).toBeGreaterThan(100);
      expect(total(({ forgotten }) => forgotten)).toBeGreaterThan(100);
    },
    timeoutMs,
  );

  it("does the same again with the same seed", async () => {
    expect(await run(5)).toEqual(await run(5));
  });
});
