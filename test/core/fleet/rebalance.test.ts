import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RebalancePlan, type RebalanceRule, rebalance } from "../../../src/core/fleet/rebalance.js";

const rule: RebalanceRule = { tolerance: 0.1, windowMs: 10_000, stableMs: 5_000, perSecondMax: 50 };
const settled = { nowMs: 60_000, stableSinceMs: 0 };

/** Lets nodes give away for `rounds` seconds; each connection that goes comes back where `place` says. */
function play(
  start: readonly number[],
  by: RebalanceRule,
  rounds: number,
  place: (counts: readonly number[], from: number) => number,
) {
  const counts = [...start];
  const plans: (RebalancePlan | undefined)[] = counts.map(() => undefined);
  const shedBy = counts.map(() => 0);
  const received = counts.map(() => 0);
  let gaveBack = 0;
  let lastAt = -1;
  for (let round = 0; round < rounds; round++) {
    const seen = [...counts];
    const meanSeen = seen.reduce((sum, count) => sum + count, 0) / seen.length;
    for (const [at, own] of seen.entries()) {
      const others = seen.filter((_, other) => other !== at);
      const view = { nowMs: 60_000 + round * 1_000, stableSinceMs: 0, own, others };
      const { shed, plan } = rebalance(by, view, plans[at]);
      plans[at] = plan;
      if (shed > 0 && own - shed < meanSeen) expect.fail(`${own} gave away ${shed}, the mean is ${meanSeen}`);
      if (shed > by.perSecondMax + 1) expect.fail(`${shed} in a second`);
      if (shed > 0) lastAt = round;
      if (shed > 0 && (received[at] ?? 0) > 0) gaveBack += shed;
      shedBy[at] = (shedBy[at] ?? 0) + shed;
      for (let one = 0; one < shed; one++) {
        counts[at] = (counts[at] ?? 0) - 1;
        const to = place(counts, at);
        counts[to] = (counts[to] ?? 0) + 1;
        if (to !== at) received[to] = (received[to] ?? 0) + 1;
      }
    }
  }
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return { counts, mean, shedBy, gaveBack, lastAt };
}

const emptiest = (counts: readonly number[]) => counts.indexOf(Math.min(...counts));
const fleets = fc.array(fc.nat({ max: 500 }), { minLength: 2, maxLength: 8 });
const rules = fc.record({
  tolerance: fc.double({ min: 0.02, max: 0.5, noNaN: true }),
  windowMs: fc.integer({ min: 1_000, max: 20_000 }),
  stableMs: fc.constant(0),
  perSecondMax: fc.integer({ min: 5, max: 100 }),
});

describe("rebalancing", () => {
  it.each([
    ["nothing within the tolerance", { own: 109, others: [91, 100] }, 0],
    ["nothing alone", { own: 1_000, others: [] }, 0],
    ["nothing when the others are as full", { own: 500, others: [500, 500] }, 0],
    ["nothing for a difference of one", { own: 2, others: [1, 1] }, 0],
    ["nothing below the mean", { own: 10, others: [500, 500] }, 0],
  ])("gives away %s", (_, view, shed) => {
    expect(rebalance(rule, { ...settled, ...view })).toEqual({ shed, plan: undefined });
  });

  it("gives the surplus away evenly over the window, down to the mean", () => {
    let own = 300;
    let plan: RebalancePlan | undefined;
    const shed: number[] = [];
    for (let second = 0; second <= 10; second++) {
      const nowMs = settled.nowMs + second * 1_000;
      const step = rebalance(rule, { ...settled, nowMs, own, others: [300 - own, 150, 150] }, plan);
      plan = step.plan;
      own -= step.shed;
      shed.push(step.shed);
    }
    expect(shed).toEqual([0, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
    expect([own, plan]).toEqual([150, undefined]);
  });

  it("gives away no more in a second than it may", () => {
    const plan = { left: 900, untilMs: 60_000, atMs: 59_000, owed: 0 };
    expect(rebalance(rule, { ...settled, own: 1_000, others: [0] }, plan).shed).toBe(50);
  });

  it("waits until the same nodes have been there for a while, and stops when they change", () => {
    const crowded = { own: 1_000, others: [0] };
    expect(rebalance(rule, { nowMs: 4_999, stableSinceMs: 0, ...crowded }).plan).toBeUndefined();
    const { plan } = rebalance(rule, { nowMs: 5_000, stableSinceMs: 0, ...crowded });
    expect(plan).toBeDefined();
    expect(rebalance(rule, { nowMs: 6_000, stableSinceMs: 5_500, ...crowded }, plan).plan).toBeUndefined();
  });

  it("ends, with no node above the tolerance, never below the mean and without giving back", () => {
    fc.assert(
      fc.property(fleets, rules, (start, by) => {
        const { counts, mean, gaveBack, lastAt } = play(start, by, 400, emptiest);
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(mean * (1 + by.tolerance), mean + 1) + 1e-6);
        expect(gaveBack).toBe(0);
        expect(lastAt).toBeLessThan(390);
      }),
      { numRuns: 60 },
    );
  });

  it("ends as well when the balancer sends them anywhere", () => {
    fc.assert(
      fc.property(fleets, rules, fc.infiniteStream(fc.nat({ max: 1_000_000 })), (start, by, chance) => {
        const anywhere = (counts: readonly number[]) => (chance.next().value ?? 0) % counts.length;
        const { shedBy, mean, lastAt } = play(start, { ...by, tolerance: 0.5 }, 400, anywhere);
        const most = start.reduce((sum, count) => sum + Math.max(0, count - mean), 0);
        expect(lastAt).toBeLessThan(390);
        expect(shedBy.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(10 * most + 100);
      }),
      { numRuns: 20 },
    );
  });

  it("sends each connection away once at most when they go to the emptiest node", () => {
    fc.assert(
      fc.property(fleets, rules, (start, by) => {
        const { shedBy, mean } = play(start, by, 400, emptiest);
        for (const [at, shed] of shedBy.entries())
          expect(shed).toBeLessThanOrEqual(Math.max(0, (start[at] ?? 0) - mean));
      }),
      { numRuns: 60 },
    );
  });
});
