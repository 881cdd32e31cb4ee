import { formatMs } from "../scenario/durations.js";
import { type CounterName, type LatencyName, latencyNames } from "./metrics.js";
import type { LoadReport } from "./report.js";

/** Counters of the summary, in its order; those of faults are left out while they are zero. */
const shownCounters: readonly CounterName[] = ["published", "expected", "delivered", "lost"];
const faultCounters: readonly CounterName[] = [
  ...(["lostSteady", "lostAtJoin", "lostDisconnect", "lostKill", "lostSlow"] as const),
  ...(["duplicated", "reordered", "late", "afterDeadline", "foreign", "unsent", "publishErrors"] as const),
  ...(["connectErrors", "disconnects", "leaves", "reconnects", "joinErrors", "channelErrors"] as const),
  ...(["heartbeatErrors", "nonsense"] as const),
];
const failuresShown = 10;

/** A number with its thousands set apart. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : 0 });
}

/** What a person reads at the end of a run. Its first line says who the limit was. */
export function summaryOf(report: LoadReport): string {
  const { totals, failures, asserts, warnings } = report;
  const lines = [report.verdict.text, ...warnings, ""];
  lines.push(
    `${report.name}: ${grouped(totals.joined)} of ${grouped(report.scenario.connections)} clients joined, ${grouped(totals.throughput)} deliveries/s`,
    "",
    ...latencyTable(report),
    "",
    ...counterTable(report),
  );
  if (failures.length > 0) {
    lines.push("", "FAILURES");
    for (const { name, count } of failures.slice(0, failuresShown))
      lines.push(`${grouped(count).padStart(12)}  ${name}`);
    if (failures.length > failuresShown)
      lines.push(`${"".padStart(12)}  and ${failures.length - failuresShown} more kinds`);
  }
  if (report.search !== null) lines.push("", ...searchLines(report.search));
  if (asserts.length > 0) {
    lines.push("", "ASSERTIONS");
    for (const { text, value, passed } of asserts) {
      lines.push(
        `${passed ? "pass" : "FAIL"}  ${text}  (${value === null ? "nothing measured" : Number(value.toPrecision(6))})`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

function latencyTable({ totals }: LoadReport): string[] {
  const columns = ["LATENCY", "COUNT", "P50", "P90", "P99", "P99.9", "MAX"];
  const rows = latencyNames.flatMap((name: LatencyName) => {
    const one = totals.latencies[name];
    if (one === undefined) return [];
    return [[name, grouped(one.count), ...[one.p50, one.p90, one.p99, one.p999, one.max].map(formatMs)]];
  });
  return aligned([columns, ...rows]);
}

function counterTable({ totals: { counters } }: LoadReport): string[] {
  const faults = faultCounters.filter((name) => counters[name] > 0);
  return aligned([...shownCounters, ...faults].map((name) => [name, grouped(counters[name])]));
}

function searchLines({ what, bound, best, tries }: NonNullable<LoadReport["search"]>): string[] {
  const rows = tries.map(({ value, measured, passed }) => [
    grouped(value),
    passed ? "kept" : "broken",
    measured === null ? "-" : String(Number(measured.toPrecision(4))),
  ]);
  const found =
    best === null
      ? `none that keeps ${bound}`
      : `${grouped(best)} ${what === "rate" ? "messages/s" : what} keep ${bound}`;
  return [`LIMIT: ${found}`, ...aligned([[what.toUpperCase(), "BOUND", "MEASURED"], ...rows])];
}

/** Lines up the first column to the left and the others to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
