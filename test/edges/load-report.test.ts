import { describe, expect, it } from "vitest";
import { Collector, distributionOf } from "../../src/loadtest/coordinator/collector.js";
import { makeReport } from "../../src/loadtest/coordinator/make-report.js";
import { searchLimit } from "../../src/loadtest/coordinator/search.js";
import { compareReports } from "../../src/loadtest/report/compare.js";
import { htmlOf } from "../../src/loadtest/report/html/page.js";
import { linearScale, logScale } from "../../src/loadtest/report/html/scale.js";
import type { LoadReport } from "../../src/loadtest/report/report.js";
import { summaryOf } from "../../src/loadtest/report/summary.js";
import type { LoadPlan } from "../../src/loadtest/scenario/plan.js";
import type { LoadScenario } from "../../src/loadtest/scenario/scenario.js";
import { createHistogram, Recorder } from "../../src/loadtest/worker/recorder.js";
import { planOf } from "../support/load-run.js";

const status = { open: 2, joined: 2, joinedMin: 1, gone: 0, clients: 2, pending: 0 };
const watch = { cpu: 0.2, loopP99Ms: 1, loopMaxMs: 2, rssBytes: 5e7 };

/** A report of two workers, each of which measured these latencies in milliseconds. */
function report(latenciesMs: readonly number[], scenario: Partial<LoadScenario> = {}): LoadReport {
  const plan = planOf({ url: "ws://user:pass@localhost:4000/socket", connections: 4, ...scenario });
  const collector = new Collector(1);
  for (const worker of [0, 1]) {
    const recorder = new Recorder();
    for (const ms of latenciesMs) recorder.time("broadcast", ms * 1_000);
    recorder.count("delivered", latenciesMs.length);
    recorder.fail("connect: <ECONNREFUSED>");
    collector.add(worker, { fromUs: 0, toUs: 1e6, status, recorded: recorder.take(), watch });
  }
  return makeReport({
    ...{ plan, collector, startedAt: "2026-01-01T00:00:00.000Z", ended: "done", pool: [], goUs: 0 },
    ...{
      events: [{ atS: 1, name: "a <hook>", kind: "hook", result: null }],
      publishedUntilUs: 1e6,
      joinedAtGo: 4,
    },
  });
}

describe("what workers measured", () => {
  it("is merged, not averaged: the percentiles are those of all values together", () => {
    const [all, collector] = [createHistogram(), new Collector(1)];
    for (const [worker, base] of [100, 90_000].entries()) {
      const recorder = new Recorder();
      for (let n = 0; n < 1_000; n++) {
        recorder.time("broadcast", base + n * 7);
        all.recordValue(base + n * 7);
      }
      collector.add(worker, { fromUs: 0, toUs: 1e6, status, recorded: recorder.take(), watch });
    }
    const { max, ...figures } = distributionOf(all);
    const merged = collector.distribution("broadcast");
    expect(merged).toMatchObject(figures);
    // The largest value of a histogram that was sent is known to three digits, as all others are.
    expect((merged?.max ?? 0) / max).toBeCloseTo(1, 3);
  });

  it("becomes points of a timeline, with how all clients stood", () => {
    const [point] = report([1, 2, 3]).timeline;
    expect(point).toMatchObject({ fromS: 0, toS: 1, open: 4, joined: 4, joinedMin: 2 });
    expect(point?.latencies.broadcast?.count).toBe(6);
  });
});

describe("a report", () => {
  it("does not hold what may be a secret", () => {
    const text = JSON.stringify(
      report([1], {
        ...{ params: { apikey: "s3cr3t", user: "u1" }, authToken: "s3cr3t", tokens: ["s3cr3t"] },
        topics: { name: "room:1", join: { deep: [{ token: "s3cr3t" }] } },
      }),
    );
    expect(text).not.toMatch(/s3cr3t|:pass@/);
    expect(text).toContain("u1");
  });

  it("is summed up with the verdict in its first line", () => {
    const [first, ...rest] = summaryOf(report([1, 5, 9])).split("\n");
    expect(first).toMatch(/^The generator kept up/);
    expect(rest.join("\n")).toContain("connect: <ECONNREFUSED>");
  });

  it("becomes a page that loads nothing from elsewhere and shows names as they are", () => {
    const page = htmlOf(report([1, 5, 9], { name: "<b>bold</b>" }));
    expect(page).not.toMatch(/<b>bold|<hook>|src=|href=|@import|url\(/);
    expect(page.match(/<svg /g)?.length).toBeGreaterThanOrEqual(4);
  });

  it("of a run in which nothing happened becomes a page, too", () => {
    expect(htmlOf(report([]))).toContain("Nothing was measured.");
  });

  it("is compared with another by ratios, and what was run differently is named", () => {
    const [before, after] = [report([10]), report([20], { vsn: 1 })];
    const text = compareReports([
      { file: "a.json", report: before },
      { file: "b.json", report: after },
    ]);
    expect(text).toContain("These runs differ in vsn.");
    expect(text).toMatch(/broadcast\.p50 +10\.0 ms +20\.0 ms {2}x2\.00/);
  });
});

describe("a scale", () => {
  it("reaches from nothing to a round number above all values", () => {
    expect(linearScale(37, 100).ticks).toEqual([0, 10, 20, 30, 40]);
    expect(linearScale(0, 100).ticks.length).toBeGreaterThan(1);
  });

  it("of powers of ten reaches around all values", () => {
    expect(logScale(0.3, 250, 90).ticks).toEqual([0.1, 1, 10, 100, 1_000]);
    expect(logScale(1, 100, 90).at(10)).toBeCloseTo(45);
  });
});

describe("the search for a limit", () => {
  const search = {
    what: "connections",
    bound: "broadcast.p99 < 50ms",
    from: 100,
    to: 10_000,
    runs: 20,
  } as const;
  const limited = (limit: number) => async (plan: LoadPlan) => {
    const tried = report([plan.connections <= limit ? 10 : 80], { connections: plan.connections });
    return { ...tried, totals: { ...tried.totals, joined: plan.connections } };
  };

  it("finds it within a twentieth", async () => {
    const plan = planOf({ url: "ws://x/", connections: 1 });
    const found = await searchLimit(plan, search, limited(3_210));
    expect(found.search?.best).toBeGreaterThan(3_210 * 0.94);
    expect(found.search?.best).toBeLessThanOrEqual(3_210);
    expect(found.scenario.connections).toBe(found.search?.best);
  });

  it("says so when not even the first load keeps the bound, and stops at the largest", async () => {
    const plan = planOf({ url: "ws://x/", connections: 1 });
    expect((await searchLimit(plan, { ...search, runs: 3 }, limited(0))).search?.best).toBeNull();
    expect((await searchLimit(plan, search, limited(1e9))).search?.best).toBe(10_000);
  });
});
