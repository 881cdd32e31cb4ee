import { describe, expect, it } from "vitest";
import { faultKinds } from "../../src/testing/simulator/faults.js";
import type { SimulationResult } from "../../src/testing/simulator/simulate.js";
import { simulate } from "../../src/testing/simulator/simulate.js";
import { simulatedMesh } from "../support/simulated-mesh.js";

/** Seeds that once found a fault, and what it was. */
const found: readonly (readonly [seed: number, fault: string])[] = [
  [3, "a connection that contested a link took its place while the node was stopping"],
];

const firstSeed = 1;
const seeds = 120;

const broken = (results: readonly SimulationResult[]) =>
  results
    .filter(({ violation }) => violation !== undefined)
    .map(({ seed, violation }) => `${seed}: ${violation}`);

describe("a simulated cluster on the mesh", () => {
  it.each(found)("keeps every promise with seed %i: %s", async (seed) => {
    expect(broken([await simulate({ seed, engine: simulatedMesh() })])).toEqual([]);
  });

  it("keeps every promise, whatever goes wrong", async () => {
    const results: SimulationResult[] = [];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      results.push(await simulate({ seed, engine: simulatedMesh() }));
    }
    expect(broken(results)).toEqual([]);
    // What was never tried would prove nothing.
    const tried = new Set(results.flatMap(({ faults }) => Object.keys(faults)));
    expect([...tried].sort()).toEqual([...faultKinds].sort());
    const total = (count: (result: SimulationResult) => number) =>
      results.reduce((sum, result) => sum + count(result), 0);
    expect(total(({ promised }) => promised)).toBeGreaterThan(50_000);
  });
});
