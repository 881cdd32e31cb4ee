import { describe, expect, it } from "vitest";
import { simulate } from "../../src/testing/simulator/simulate.js";
import { simulatedMesh } from "../support/simulated-mesh.js";

describe("a simulation", () => {
  it("does the same again with the same seed", async () => {
    for (const seed of [5, 77, 2 ** 40 + 3]) {
      const first = await simulate({ seed, engine: simulatedMesh() });
      const second = await simulate({ seed, engine: simulatedMesh() });
      expect(second).toEqual(first);
    }
  });

  it("does the same whether somebody reads the trace or not, and whatever runs beside it", async () => {
    const lines: string[] = [];
    const [read, unread] = await Promise.all([
      simulate({ seed: 9, engine: simulatedMesh(), print: (line) => void lines.push(line) }),
      simulate({ seed: 9, engine: simulatedMesh() }),
    ]);
    expect(read.hash).toBe(unread.hash);
    expect(lines.length).toBeGreaterThan(1_000);
  });

  it("does something else with another seed", async () => {
    const hashes = new Set<string>();
    for (let seed = 200; seed < 210; seed++) {
      hashes.add((await simulate({ seed, engine: simulatedMesh() })).hash);
    }
    expect(hashes.size).toBe(10);
  });
});
