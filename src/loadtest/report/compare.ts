import { formatMs } from "../scenario/durations.js";
import { type CounterName, latencyNames } from "./metrics.js";
import type { LoadReport } from "./report.js";
import { aligned, grouped } from "./summary.js";

const stats = ["p50", "p99", "max"] as const;
const countersCompared: readonly CounterName[] = [
  ...(["published", "delivered", "lost", "duplicated", "reordered", "late", "disconnects"] as const),
];

/** Reports side by side, each figure with its ratio to that of the first. */
export function compareReports(
  reports: readonly { readonly file: string; readonly report: LoadReport }[],
): string {
  const all = reports.map(({ report }) => report);
  const lines = all.flatMap(({ verdict }, i) =>
    verdict.limit === "generator" ? [`${reports[i]?.file}: ${verdict.text}`] : [],
  );
  lines.push(...differences(all));
  if (lines.length > 0) lines.push("");
  const rows = [["", ...reports.map(({ file }) => file)]];
  rows.push(
    row(
      "throughput",
      all.map(({ totals }) => totals.throughput),
      (value) => `${grouped(value)}/s`,
    ),
  );
  rows.push(
    row(
      "joined",
      all.map(({ totals }) => totals.joined),
      grouped,
    ),
  );
  for (const name of latencyNames) {
    for (const stat of stats) {
      const values = all.map(({ totals }) => totals.latencies[name]?.[stat]);
      if (values.some((value) => value !== undefined)) rows.push(row(`${name}.${stat}`, values, formatMs));
    }
  }
  for (const name of countersCompared)
    rows.push(
      row(
        name,
        all.map(({ totals }) => totals.counters[name]),
        grouped,
      ),
    );
  return `${[...lines, ...aligned(rows)].join("\n")}\n`;
}

function row(
  name: string,
  values: readonly (number | undefined)[],
  write: (value: number) => string,
): string[] {
  const [first] = values;
  const cells = values.map((value, i) => {
    if (value === undefined) return "-";
    const isRatio = i > 0 && first !== undefined && first !== 0;
    return isRatio ? `${write(value)}  x${(value / first).toFixed(2)}` : write(value);
  });
  return [name, ...cells];
}

/** What was run differently, so that figures are not compared that cannot be. */
function differences(reports: readonly LoadReport[]): string[] {
  const settings = ({ scenario }: LoadReport) => ({
    vsn: scenario.vsn,
    connections: scenario.connections,
    duration: scenario.durationMs,
    topics: scenario.topics,
    publish: scenario.publish,
    longPollShare: scenario.longPollShare,
    churn: scenario.churn,
    storms: scenario.storms,
  });
  const texts = reports.map((report) =>
    Object.entries(settings(report)).map(([name, value]) => [name, JSON.stringify(value)] as const),
  );
  const [first = []] = texts;
  const differing = first.filter(([, text], n) => texts.some((one) => one[n]?.[1] !== text));
  const ended = reports.filter((report) => report.ended !== "done").length;
  return [
    ...(differing.length > 0 ? [`These runs differ in ${differing.map(([name]) => name).join(", ")}.`] : []),
    ...(ended > 0 ? [`${ended} of them did not run to the end.`] : []),
  ];
}
