import type { LoadReport, SearchReport } from "../report/report.js";
import { type LoadPlan, type SearchSettings, withValue } from "../scenario/plan.js";
import { judgeAsserts } from "./make-report.js";

/** The search ends when the bounds are as near as this. */
const nearEnough = 0.05;

/**
 * Looks for the largest load that keeps a bound: doubles it until the bound breaks, then halves the gap. Each try is a
 * run of its own, so that none suffers from the one before. The report is that of the last run that kept the bound, or
 * of the first when none did.
 */
export async function searchLimit(
  plan: LoadPlan,
  { what, bound, from, to, runs }: SearchSettings,
  run: (plan: LoadPlan) => Promise<LoadReport>,
): Promise<LoadReport> {
  const tries: SearchReport["tries"][number][] = [];
  let [kept, broken]: [number | null, number | null] = [null, null];
  let [best, first]: [LoadReport | undefined, LoadReport | undefined] = [undefined, undefined];
  for (let value = from; tries.length < runs; ) {
    const report = await run(withValue(plan, what, value));
    first ??= report;
    const [result] = judgeAsserts(report, [bound]);
    const isWhole = report.ended === "done" && (what !== "connections" || report.totals.joined >= value);
    const passed = isWhole && result?.passed === true;
    tries.push({ value, measured: result?.value ?? null, passed });
    if (passed) [kept, best] = [value, report];
    else broken = value;
    if (report.ended === "interrupted") break;
    const next = nextValue(kept, broken, to);
    if (next === undefined) break;
    value = next;
  }
  const chosen = best ?? first;
  if (chosen === undefined) throw new RangeError("a search has at least one run");
  return { ...chosen, search: { what, bound, best: kept, tries } };
}

function nextValue(kept: number | null, broken: number | null, to: number): number | undefined {
  if (broken === null) return kept === null || kept >= to ? undefined : Math.min(to, kept * 2);
  if (kept === null) return broken <= 1 ? undefined : Math.floor(broken / 2);
  return broken - kept <= Math.max(1, kept * nearEnough) ? undefined : Math.floor((kept + broken) / 2);
}
