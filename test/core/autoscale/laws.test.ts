import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide } from "../../../src/core/autoscale/decide.js";
import type { AutoscaleHistory } from "../../../src/core/autoscale/history.js";
import { type AutoscalePolicy, policyDefaults } from "../../../src/core/autoscale/policy.js";
import { type Mishap, simulateAutoscale } from "../../../src/core/autoscale/simulate.js";
import { fleet, node, policyOf } from "./support.js";

const loads = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 12 });

const policies = fc
  .record({
    minNodes: fc.integer({ min: 1, max: 5 }),
    more: fc.integer({ min: 0, max: 10 }),
    tolerance: fc.double({ min: 0, max: 0.5, noNaN: true }),
    spareNodes: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ more, ...rest }) => policyOf({ ...rest, maxNodes: rest.minNodes + more }));

const model = {
  startMs: 20_000,
  drainMs: 30_000,
  connectionsMax: 120,
  eventLoopPerConnection: 0.001,
  acceptsPerSecond: 50,
};

function settle(policy: AutoscalePolicy, load: number, mishaps: readonly Mishap[]) {
  const trace = [
    { atMs: 0, connections: load },
    { atMs: 3_600_000, connections: load },
  ];
  return simulateAutoscale({ policy, trace, model, mishaps, intervalMs: 10_000 }).steps;
}

describe("whatever the load", () => {
  it("wants a fleet within its bounds, or one nearer to them", () => {
    fc.assert(
      fc.property(policies, loads, (policy, connections) => {
        const { decision } = decide(policy, { nowMs: 0, nodes: fleet(...connections), recallable: [] });
        const { current, desired } = decision;
        expect(desired).toBeGreaterThanOrEqual(Math.min(current, policy.minNodes));
        expect(desired).toBeLessThanOrEqual(Math.max(current, policy.maxNodes));
      }),
    );
  });

  it("wants no fewer nodes for more load", () => {
    fc.assert(
      fc.property(
        policies,
        loads,
        fc.nat(12),
        fc.integer({ min: 1, max: 90 }),
        (policy, connections, at, extra) => {
          const more = connections.map((count, index) =>
            index === at % connections.length ? count + extra : count,
          );
          const want = (counts: readonly number[]) =>
            decide(policy, { nowMs: 0, nodes: fleet(...counts), recallable: [] }).decision.desired;
          expect(want(more)).toBeGreaterThanOrEqual(want(connections));
        },
      ),
    );
  });

  it("never shrinks while a ready node is unmeasured", () => {
    fc.assert(
      fc.property(policies, loads, (policy, connections) => {
        const nodes = [...fleet(...connections), node("dark")];
        const { decision } = decide(policy, { nowMs: 0, nodes, recallable: [] });
        expect(decision.desired).toBeGreaterThanOrEqual(Math.min(decision.current, policy.maxNodes));
      }),
    );
  });

  it("settles on a steady load and stays, also after a loss and an outage", () => {
    const mishaps: Mishap[] = [
      { kind: "node_loss", atMs: 600_000, nodes: 1 },
      { kind: "metric_outage", atMs: 700_000, untilMs: 900_000, nodes: 3 },
    ];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900 }), fc.boolean(), (load, trouble) => {
        const policy = policyOf({ scaleIn: { ...policyDefaults.scaleIn, coolDownMs: 0 } });
        const late = settle(policy, load, trouble ? mishaps : []).filter(({ atMs }) => atMs > 2_400_000);
        expect(new Set(late.map(({ ready }) => ready)).size).toBe(1);
        expect(late.every(({ decision }) => decision.action.kind === "hold")).toBe(true);
        expect(late.at(-1)?.refused).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("remembers no more than a fleet is large, however often it decides", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 300 }), (series) => {
        let history: AutoscaleHistory | undefined;
        const policy = policyOf({ scaleIn: policyDefaults.scaleIn });
        for (const [at, load] of series.entries()) {
          const nodes = fleet(load, load).map((one) => ({ ...one, measuredAtMs: at * 1_000 }));
          history = decide(policy, { nowMs: at * 1_000, nodes, recallable: [] }, history).history;
          expect(history.largest.length).toBeLessThanOrEqual(policy.maxNodes);
          expect(history.smallest.length).toBeLessThanOrEqual(policy.maxNodes);
        }
      }),
      { numRuns: 30 },
    );
  });
});
