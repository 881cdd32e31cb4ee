import type { Restraint } from "../../core/autoscale/decide.js";
import type { Mishap, SimulatedStep } from "../../core/autoscale/simulate.js";
import { type ChartSpec, chart, type Series } from "../../loadtest/report/html/chart.js";
import { escapeHtml } from "../../loadtest/report/html/escape.js";
import { script } from "../../loadtest/report/html/script.js";
import { style } from "../../loadtest/report/html/style.js";
import type { Comparison, PolicyRun, Stretch } from "./compare.js";
import { clock, figuresOf } from "./show.js";

/** Colours of the page's style, one for each policy. */
const colors = ["a", "b", "c", "d", "e"] as const;

/** Policies that can be told apart. */
export const policiesMax = colors.length;

/** Changes of each policy that are listed. */
const changesMax = 200;

/** A page of its own that shows a comparison: nothing is loaded from elsewhere. */
export function pageOf(comparison: Comparison): string {
  const { load, runs, model, intervalMs } = comparison;
  const about = `a decision every ${intervalMs / 1_000} s · a node takes ${model.startMs / 1_000} s to start, ${model.drainMs / 1_000} s to drain, holds ${model.connectionsMax.toLocaleString("en-US")} connections`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(load)} · simurgh autoscale simulate</title><style>${style}</style></head>
<body><main>
<h1>${escapeHtml(load)}</h1><p class="soft">${escapeHtml(about)}</p>
<h2>In figures</h2>
<section class="card scroll">${figureTable(runs)}</section>
<h2>The course</h2>
<div class="charts">${charts(comparison).map(chart).join("\n")}</div>
<h2>What was done, and why</h2>
${runs.map(changeCard).join("\n")}
<h2>The policies</h2>
<details class="card"><summary>Every field</summary><pre>${escapeHtml(JSON.stringify(Object.fromEntries(runs.map(({ name, policy }) => [name, policy])), undefined, 2))}</pre></details>
</main><script>${script}</script></body></html>
`;
}

function figureTable(runs: readonly PolicyRun[]): string {
  const heads = runs[0] === undefined ? [] : figuresOf(runs[0].summary).map(([title]) => title);
  const row = ({ name, summary }: PolicyRun) =>
    `<tr><td>${escapeHtml(name)}</td>${figuresOf(summary)
      .map(([, value]) => `<td>${value}</td>`)
      .join("")}</tr>`;
  return `<table><tr><th>policy</th>${heads.map((head) => `<th>${head}</th>`).join("")}</tr>${runs.map(row).join("")}</table>`;
}

function charts({ runs, mishaps }: Comparison): ChartSpec[] {
  const stretches = runs[0]?.stretches ?? [];
  const isLong = (stretches.at(-1)?.atMs ?? 0) > 3 * 3_600_000;
  const unitMs = isLong ? 3_600_000 : 60_000;
  const shared = {
    xs: stretches.map(({ atMs }) => atMs / unitMs),
    xUnit: isLong ? ("h" as const) : ("min" as const),
    events: mishaps.map((mishap) => ({
      atS: mishap.atMs / unitMs,
      kind: "kill" as const,
      result: null,
      name: wordsOf(mishap),
    })),
  };
  const each = (of: (stretch: Stretch) => number, style: "line" | "area" = "line"): Series[] =>
    runs.map((run, at) => ({
      name: run.name,
      color: colors[at % policiesMax] ?? "a",
      style,
      values: run.stretches.map(of),
    }));
  const wanted: Series = {
    name: "want to be connected",
    color: "max",
    style: "area",
    values: stretches.map((one) => one.wanted),
  };
  return [
    {
      ...shared,
      title: "Clients",
      about: `who want to be connected, and by policy who are${mishaps.length === 0 ? "" : `; ${mishaps.map(wordsOf).join("; ")}`}`,
      format: "count",
      wide: true,
      series: [wanted, ...each(({ held }) => held)],
    },
    {
      ...shared,
      title: "Nodes",
      about: "that run, starting and draining ones included",
      format: "count",
      series: each(({ nodes }) => nodes),
    },
    {
      ...shared,
      title: "Used",
      about: "mean share of their connection limit that ready nodes have in use",
      format: "percent",
      series: each(({ utilisation }) => utilisation),
    },
    {
      ...shared,
      title: "Outside",
      about: "clients that were turned away or wait, as no node had room or time for them",
      format: "count",
      wide: true,
      empty: "Nobody was outside at any time.",
      series: each(({ refused }) => refused, "area").filter(({ values }) => values.some((one) => one !== 0)),
    },
  ];
}

function wordsOf(mishap: Mishap): string {
  if (mishap.kind === "node_loss") return `1: ${mishap.nodes} nodes die at ${clock(mishap.atMs)}`;
  return `1: nothing can be measured from ${clock(mishap.atMs)} to ${clock(mishap.untilMs)}`;
}

function changeCard({ name, changes }: PolicyRun): string {
  const rows = changes.slice(0, changesMax).map(changeRow).join("");
  const more = changes.length > changesMax ? `, the first ${changesMax} of ${changes.length}` : "";
  return `<details class="card"><summary>${escapeHtml(name)}: ${changes.length} changes${more}</summary><div class="scroll"><table><tr><th>time</th><th>from</th><th>to</th><th>clients</th><th>what</th><th>asked for by</th><th>held back by</th></tr>${rows}</table></div></details>`;
}

const restraintWords: Readonly<Record<Restraint, string>> = {
  min_nodes: "fewest nodes",
  max_nodes: "most nodes",
  stabilisation: "stabilisation",
  step: "step",
  cool_down: "cool-down",
  unmeasured: "missing measurements",
  drain_in_progress: "a drain in progress",
};

function changeRow({ atMs, wanted, decision }: SimulatedStep): string {
  const { current, desired, action, wishes, restraints } = decision;
  const asked = wishes.flatMap(({ signal, nodes }) => (nodes === undefined ? [] : [`${signal} ${nodes}`]));
  const cells = [
    clock(atMs),
    String(current),
    String(desired),
    wanted.toLocaleString("en-US"),
    action.kind,
    asked.join(", "),
    restraints.map((one) => restraintWords[one]).join(", "),
  ];
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
}
