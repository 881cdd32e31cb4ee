import { describe, expect, it } from "vitest";
import { decide, type FleetView } from "../../../src/core/autoscale/decide.js";
import type { AutoscaleHistory } from "../../../src/core/autoscale/history.js";
import { type AutoscalePolicy, policyDefaults } from "../../../src/core/autoscale/policy.js";
import type { NodeReport } from "../../../src/core/autoscale/signal.js";
import { fleet, gist, node, policyOf } from "./support.js";

function once(policy: AutoscalePolicy, nodes: readonly NodeReport[], view: Partial<FleetView> = {}) {
  return gist(decide(policy, { nowMs: 0, nodes, recallable: [], ...view }).decision);
}

const hold = { kind: "hold" };

describe("the size of the fleet", () => {
  it.each([
    ["grows to what the connections want", fleet(90, 90), 4, { kind: "add", count: 2 }],
    ["rounds up", fleet(51, 51, 51, 51, 51), 5, hold],
    ["stays while the use is within the tolerance", fleet(54, 54), 2, hold],
    ["shrinks by draining the node with the fewest", fleet(20, 10, 15), 1, { kind: "drain", name: "n1" }],
    ["breaks a tie by name", fleet(10, 10, 10), 1, { kind: "drain", name: "n0" }],
    ["is never below its least", [], 1, { kind: "add", count: 1 }],
    ["is never above its most", fleet(...Array<number>(20).fill(90)), 20, hold],
  ])("%s", (_name, nodes, desired, action) => {
    expect(once(policyOf(), nodes)).toMatchObject({ desired, action });
  });

  it("follows the signal that wants the most", () => {
    const policy = policyOf({
      signals: { connections: { capacity: 100, target: 0.5 }, eventLoop: { capacity: 1, target: 0.5 } },
    });
    const nodes = [
      node("a", { connections: 10, eventLoop: 0.9 }),
      node("b", { connections: 10, eventLoop: 0.9 }),
    ];
    expect(once(policy, nodes).desired).toBe(4);
  });

  it("keeps spare nodes beyond what is wanted, and does not take them for idle", () => {
    const policy = policyOf({ spareNodes: 2 });
    expect(once(policy, fleet(50, 50)).desired).toBe(4);
    expect(once(policy, fleet(25, 25, 25, 25)).action).toEqual(hold);
  });
});

describe("nodes that start or drain", () => {
  it("counts a node that starts, so that it is not asked for twice", () => {
    const nodes = [
      ...fleet(90, 90),
      node("new", undefined, "starting"),
      node("newer", undefined, "starting"),
    ];
    expect(once(policyOf(), nodes)).toMatchObject({ desired: 4, action: hold });
  });

  it("leaves a draining node out of the signal and of the size", () => {
    const nodes = [...fleet(50, 50), node("old", { connections: 900 }, "draining")];
    expect(once(policyOf(), nodes)).toMatchObject({ desired: 2, action: hold });
  });

  it("drains one at a time", () => {
    const nodes = [...fleet(10, 10), node("old", { connections: 5 }, "draining")];
    expect(once(policyOf(), nodes)).toEqual({ desired: 1, action: hold, restraints: ["drain_in_progress"] });
  });

  it("calls a drain off before it starts another node, if the drain was its own", () => {
    const nodes = [...fleet(90, 90), node("old", { connections: 5 }, "draining")];
    const view = { recallable: ["old"] };
    expect(once(policyOf(), nodes, view).action).toEqual({ kind: "keep", names: ["old"], add: 1 });
    expect(once(policyOf(), nodes).action).toEqual({ kind: "add", count: 2 });
  });

  it("sends a node away that has not started yet before one with connections", () => {
    const nodes = [...fleet(10, 10), node("new", undefined, "starting")];
    expect(once(policyOf(), nodes).action).toEqual({ kind: "drain", name: "new" });
  });
});

describe("measurements that are missing or cannot be", () => {
  const full = { connections: 90 };
  it.each([
    ["missing", node("b")],
    ["stale", { ...node("b", { connections: 0 }), measuredAtMs: -60_000 }],
    ["negative", node("b", { connections: -1_000_000 })],
    ["not a number", node("b", { connections: Number.NaN })],
    ["beyond belief", node("b", { connections: 1e12 })],
  ])("does not shrink on one that is %s", (_name, bad) => {
    const found = once(policyOf(), [node("a", { connections: 1 }), bad, node("c", { connections: 1 })]);
    expect(found).toEqual({ desired: 3, action: hold, restraints: ["unmeasured"] });
  });

  it("grows on what is known, no further", () => {
    expect(once(policyOf(), [node("a", full), node("b", full), node("c")])).toMatchObject({ desired: 4 });
    expect(once(policyOf(), [node("a", full), node("b"), node("c")])).toMatchObject({
      desired: 3,
      action: hold,
    });
  });

  it("stays as it is when nothing at all is known", () => {
    expect(once(policyOf(), [node("a"), node("b")])).toMatchObject({ desired: 2, action: hold });
  });
});

describe("the pace", () => {
  function run(policy: AutoscalePolicy, steps: readonly (readonly [atMs: number, connections: number[]])[]) {
    let history: AutoscaleHistory | undefined;
    return steps.map(([nowMs, connections]) => {
      const nodes = fleet(...connections).map((one) => ({ ...one, measuredAtMs: nowMs }));
      const decided = decide(policy, { nowMs, nodes, recallable: [] }, history);
      history = decided.history;
      return gist(decided.decision);
    });
  }

  it("does not shrink before a whole window has passed, also when the one who decides is new", () => {
    const policy = policyOf({ scaleIn: { ...policyOf().scaleIn, stabilisationMs: 60_000 } });
    const decisions = run(policy, [
      [0, [10, 10]],
      [59_999, [10, 10]],
      [60_000, [10, 10]],
    ]);
    expect(decisions.map(({ desired }) => desired)).toEqual([2, 2, 1]);
    expect(decisions[0]?.restraints).toEqual(["stabilisation"]);
  });

  it("takes the largest fleet that was wanted in the window", () => {
    const policy = policyOf({ scaleIn: { ...policyOf().scaleIn, stabilisationMs: 60_000 } });
    const decisions = run(policy, [
      [0, [10, 10, 10]],
      [50_000, [49, 49, 1]],
      [70_000, [10, 10, 10]],
      [111_000, [10, 10, 10]],
    ]);
    expect(decisions.map(({ desired }) => desired)).toEqual([3, 3, 2, 1]);
  });

  it("waits for a wish to last before it grows, where that is asked for", () => {
    const policy = policyOf({ scaleOut: { ...policyOf().scaleOut, stabilisationMs: 30_000 } });
    const decisions = run(policy, [
      [0, [50]],
      [10_000, [100]],
      [20_000, [50]],
      [25_000, [100]],
      [51_000, [100]],
    ]);
    expect(decisions.map(({ desired }) => desired)).toEqual([1, 1, 1, 1, 2]);
  });

  it("adds no more within the period than its steps allow", () => {
    const scaleOut = { ...policyOf().scaleOut, stepNodes: 2, stepPercent: 50, stepPeriodMs: 10_000 };
    const decisions = run(policyOf({ scaleOut }), [
      [0, [100, 100]],
      [1_000, [100, 100, 100, 100]],
      [10_001, [100, 100, 100, 100]],
      [20_002, Array<number>(6).fill(100)],
    ]);
    expect(decisions.map(({ desired }) => desired)).toEqual([4, 4, 6, 9]);
    expect(decisions[1]?.restraints).toEqual(["step"]);
  });

  it("rests after a change", () => {
    const scaleIn = { ...policyOf().scaleIn, coolDownMs: 30_000 };
    const decisions = run(policyOf({ scaleIn }), [
      [0, [10, 10, 10]],
      [29_999, [10, 10]],
      [30_000, [10, 10]],
    ]);
    expect(decisions.map(({ action }) => action.kind)).toEqual(["drain", "hold", "drain"]);
    expect(decisions[1]?.restraints).toEqual(["cool_down"]);
  });
});

it("holds its defaults to its own rules", () => {
  expect(once(policyDefaults, fleet(1)).desired).toBe(1);
});
