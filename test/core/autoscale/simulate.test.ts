import { describe, expect, it } from "vitest";
import { type AutoscalePolicy, policyDefaults } from "../../../src/core/autoscale/policy.js";
import { fleetModelDefaults, type Mishap, simulateAutoscale } from "../../../src/core/autoscale/simulate.js";
import { dailyWave, flashCrowd, type LoadTrace, readTrace } from "../../../src/core/autoscale/trace.js";

const policy: AutoscalePolicy = { ...policyDefaults, minNodes: 2, maxNodes: 12 };

function run(trace: LoadTrace, mishaps: readonly Mishap[] = [], given: Partial<AutoscalePolicy> = {}) {
  return simulateAutoscale({
    policy: { ...policy, ...given },
    trace,
    model: fleetModelDefaults,
    mishaps,
    intervalMs: 15_000,
  });
}

/** A load that does not change. */
function steady(connections: number, minutes: number): LoadTrace {
  return [
    { atMs: 0, connections },
    { atMs: minutes * 60_000, connections },
  ];
}

describe("a simulated day", () => {
  it("follows a daily wave without refusing anybody or going back and forth", () => {
    const { summary, steps } = run(dailyWave({ low: 2_000, high: 60_000 }));
    expect(summary).toMatchObject({ refusedMax: 0, reversals: 0 });
    expect(Math.max(...steps.map(({ ready }) => ready))).toBeGreaterThanOrEqual(8);
    expect(steps.at(-1)?.ready).toBe(2);
  });

  it("costs less than the largest fleet all day", () => {
    const elastic = run(dailyWave({ low: 2_000, high: 60_000 })).summary.nodeHours;
    const fixed = run(dailyWave({ low: 2_000, high: 60_000 }), [], { minNodes: 10 }).summary.nodeHours;
    expect(elastic).toBeLessThan(0.75 * fixed);
  });

  it("takes a flash crowd in, and shrinks back when it has gone", () => {
    const crowd = flashCrowd({ low: 500, high: 60_000, riseMs: 30_000, stayMs: 600_000 });
    const { summary, steps } = run(crowd);
    expect(summary.refusedClientMinutes).toBeGreaterThan(0);
    expect(steps.filter(({ atMs }) => atMs > 600_000).every(({ refused }) => refused === 0)).toBe(true);
    expect(steps.at(-1)?.ready).toBeLessThan(6);
  });

  it("refuses fewer with spare nodes, for more node hours", () => {
    const crowd = flashCrowd({ low: 500, high: 60_000, riseMs: 30_000, stayMs: 600_000 });
    const lean = run(crowd).summary;
    const roomy = run(crowd, [], { spareNodes: 2 }).summary;
    expect(roomy.refusedClientMinutes).toBeLessThan(lean.refusedClientMinutes);
    expect(roomy.nodeHours).toBeGreaterThan(lean.nodeHours);
  });
});

describe("mishaps", () => {
  it("replaces nodes that die", () => {
    const { steps } = run(steady(30_000, 30), [{ kind: "node_loss", atMs: 900_000, nodes: 2 }]);
    const before = steps.findLast(({ atMs }) => atMs < 900_000)?.ready;
    expect(steps.find(({ atMs }) => atMs >= 900_000)?.ready).toBe((before ?? 0) - 2);
    expect(steps.at(-1)).toMatchObject({ ready: before, refused: 0 });
  });

  it("does not shrink while a node cannot be measured, and does when it can again", () => {
    const crowd = flashCrowd({ low: 1_000, high: 30_000, riseMs: 60_000, stayMs: 60_000 });
    const outage = { kind: "metric_outage", atMs: 450_000, untilMs: 1_500_000, nodes: 1 } as const;
    const { steps } = run(crowd, [outage]);
    const during = steps.filter(({ atMs }) => atMs >= outage.atMs && atMs < outage.untilMs);
    expect(during.every(({ decision }) => decision.desired >= decision.current)).toBe(true);
    expect(during.at(-1)?.ready).toBeGreaterThan(steps.at(-1)?.ready ?? 0);
  });
});

describe("reading a trace", () => {
  it("takes seconds and connections, a heading, comments and empty lines", () => {
    const read = readTrace("seconds,connections\r\n# quiet\n0,10\n\n1.5, 20\n");
    expect(read).toEqual({
      ok: true,
      trace: [
        { atMs: 0, connections: 10 },
        { atMs: 1_500, connections: 20 },
      ],
    });
  });

  it.each([
    ["0,10\n0,20", 2],
    ["0,10\n5", 2],
    ["0,10\n5,x", 2],
    ["0,10\n5,", 2],
    ["0,-1", 1],
    ["0,1.5", 1],
    ["0,1,2", 1],
    ["3,10", 1],
    ["time,clients\n0,1", 1],
    ["", 1],
  ])("names the line of %j that is wrong", (text, line) => {
    expect(readTrace(text)).toMatchObject({ ok: false, line });
  });
});
