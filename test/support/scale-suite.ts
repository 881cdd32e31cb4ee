import { expect, it } from "vitest";
import type { ScaleDriver } from "../../src/contracts/scale-driver.js";
import type { AutoscaleAction, AutoscaleDecision } from "../../src/core/autoscale/decide.js";

/** A driver with the fleet that it works on. */
export interface ScaleWorld {
  readonly driver: ScaleDriver;
  /** Nodes of the fleet that do not drain. */
  size(): number | Promise<number>;
  /** Somebody else makes the fleet so large. */
  resize(nodes: number): void | Promise<void>;
  /** From now on nothing that the driver needs works. */
  fail(): void | Promise<void>;
  heal(): void | Promise<void>;
  dispose(): void | Promise<void>;
}

/** What a kind of driver cannot do, and why. */
export type ScaleLacks = Partial<Readonly<Record<"failure" | "direction", string>>>;

/** A decision as the policy makes them. */
export function decisionOf(current: number, desired: number, action?: AutoscaleAction): AutoscaleDecision {
  const grown: AutoscaleAction = { kind: "add", count: desired - current };
  const shrunk: AutoscaleAction = { kind: "drain", name: "n1@test" };
  const made = desired === current ? { kind: "hold" as const } : desired > current ? grown : shrunk;
  return { atMs: 0, current, desired, action: action ?? made, wishes: [], restraints: [] };
}

interface ScaleCase {
  readonly name: string;
  readonly needs?: keyof ScaleLacks;
  run(world: ScaleWorld): Promise<void>;
}

/** What the contract of drivers promises; each begins with three nodes. */
export const scaleCases: readonly ScaleCase[] = [
  {
    name: "it makes the fleet larger",
    run: async ({ driver, size }) => {
      await driver.apply(decisionOf(3, 5));
      expect(await size()).toBe(5);
    },
  },
  {
    name: "it makes the fleet smaller, one by one",
    run: async ({ driver, size }) => {
      await driver.apply(decisionOf(3, 2));
      await driver.apply(decisionOf(2, 1));
      expect(await size()).toBe(1);
    },
  },
  {
    name: "the same decision twice has the effect of one",
    run: async ({ driver, size }) => {
      for (let times = 0; times < 2; times++) await driver.apply(decisionOf(3, 4));
      expect(await size()).toBe(4);
      for (let times = 0; times < 2; times++) await driver.apply(decisionOf(4, 3));
      expect(await size()).toBe(3);
    },
  },
  {
    name: "a hold changes nothing",
    run: async ({ driver, size }) => {
      await driver.apply(decisionOf(3, 3));
      expect(await size()).toBe(3);
    },
  },
  {
    name: "a hold changes nothing of what somebody else did",
    needs: "direction",
    run: async ({ driver, size, resize }) => {
      await resize(5);
      await driver.apply(decisionOf(3, 3));
      expect(await size()).toBe(5);
    },
  },
  {
    name: "a decision to grow never makes the fleet smaller",
    needs: "direction",
    run: async ({ driver, size, resize }) => {
      await resize(6);
      await driver.apply(decisionOf(3, 4));
      expect(await size()).toBe(6);
    },
  },
  {
    name: "a decision to shrink never makes the fleet larger",
    needs: "direction",
    run: async ({ driver, size, resize }) => {
      await resize(1);
      await driver.apply(decisionOf(3, 2));
      expect(await size()).toBe(1);
    },
  },
  {
    name: "a drain of a node that nobody knows takes another",
    run: async ({ driver, size }) => {
      await driver.apply(decisionOf(3, 2, { kind: "drain", name: "ordered 1" }));
      expect(await size()).toBe(2);
    },
  },
  {
    name: "a failure rejects, and the next decision is tried anew",
    needs: "failure",
    run: async ({ driver, size, fail, heal }) => {
      await fail();
      await expect(driver.apply(decisionOf(3, 4))).rejects.toMatchObject({ code: "scale_driver_failed" });
      await heal();
      expect(await size(), "the fleet stays where it is").toBe(3);
      await driver.apply(decisionOf(3, 4));
      expect(await size()).toBe(4);
    },
  },
  {
    name: "it can be closed twice, and leaves the fleet as it is",
    run: async ({ driver, size }) => {
      await driver.close();
      await driver.close();
      expect(await size()).toBe(3);
    },
  },
];

/** Binds every case to a kind of driver; what it lacks, for the reason that is given, is left out. */
export function bindScaleContract(create: () => Promise<ScaleWorld>, lacks: ScaleLacks = {}): void {
  for (const one of scaleCases) {
    const why = one.needs === undefined ? undefined : lacks[one.needs];
    if (why !== undefined) continue;
    it(one.name, async () => {
      const world = await create();
      try {
        await one.run(world);
      } finally {
        await world.driver.close();
        await world.dispose();
      }
    });
  }
}
