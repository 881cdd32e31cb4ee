import { formatMs } from "../../scenario/durations.js";
import type { LoadReport } from "../report.js";
import { grouped } from "../summary.js";
import { chartsOf, markedEvents } from "./charts.js";
import { escapeHtml } from "./escape.js";
import { script } from "./script.js";
import { style } from "./style.js";
import {
  assertTable,
  counterTable,
  eventTable,
  failureTable,
  latencyTable,
  searchTable,
  workerTable,
} from "./tables.js";

/** A page of its own that shows a report: nothing is loaded from elsewhere. */
export function htmlOf(report: LoadReport): string {
  const { name, scenario, startedAt, machine } = report;
  const where = scenario.urls.join(", ");
  const about = `${startedAt.replace("T", " ").slice(0, 16)} UTC · ${where} · ${machine.cpus} cores, Node ${machine.node.slice(1)}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(name)} · simurgh load</title><style>${style}</style></head>
<body><main>
<h1>${escapeHtml(name)}</h1><p class="soft">${escapeHtml(about)}</p>
${verdict(report)}
<div class="tiles">${tiles(report).join("")}</div>
<div class="charts">${chartsOf(report)}</div>
<h2>In figures</h2>
<div class="tables">${cards(report).join("\n")}</div>
<h2>The scenario</h2>
<details class="card"><summary>Every setting of this run</summary><pre>${escapeHtml(JSON.stringify(scenario, undefined, 2))}</pre></details>
</main><script>${script}</script></body></html>
`;
}

function verdict({ verdict: { limit, text }, warnings, ended }: LoadReport): string {
  const whole = ended === "done" ? warnings : [...new Set([`The run ended early: ${ended}.`, ...warnings])];
  const list =
    whole.length === 0 ? "" : `<ul>${whole.map((one) => `<li>${escapeHtml(one)}</li>`).join("")}</ul>`;
  return `<section class="verdict ${limit}"><p>${escapeHtml(text)}</p>${list}</section>`;
}

function tile(value: string, name: string, isBad = false): string {
  return `<div class="tile${isBad ? " bad" : ""}"><b>${value}</b><span>${name}</span></div>`;
}

function tiles({ totals, scenario, asserts, search }: LoadReport): string[] {
  const { counters, latencies } = totals;
  const main = latencies.broadcast ?? latencies.reply;
  const failed = asserts.filter(({ passed }) => !passed).length;
  return [
    tile(
      grouped(totals.joined),
      `of ${grouped(scenario.connections)} clients joined`,
      totals.joined < scenario.connections,
    ),
    tile(grouped(totals.throughput), "deliveries a second"),
    ...(main === undefined
      ? []
      : [tile(formatMs(main.p50), "p50"), tile(formatMs(main.p99), "p99"), tile(formatMs(main.max), "max")]),
    tile(grouped(counters.lost), `lost of ${grouped(counters.expected)}`, counters.lost > 0),
    ...(search === null
      ? []
      : [tile(search.best === null ? "none" : grouped(search.best), `${search.what} at the limit`)]),
    ...(asserts.length === 0
      ? []
      : [tile(`${asserts.length - failed} / ${asserts.length}`, "assertions hold", failed > 0)]),
  ];
}

function cards(report: LoadReport): string[] {
  const card = (title: string, body: string) => `<section class="card"><h3>${title}</h3>${body}</section>`;
  const events = markedEvents(report);
  return [
    card("Latencies", latencyTable(report)),
    ...(report.asserts.length > 0 ? [card("Assertions", assertTable(report))] : []),
    ...(report.search === null ? [] : [card("The search for the limit", searchTable(report.search))]),
    ...(events.length > 0 ? [card("Events", eventTable(events))] : []),
    card("Counters", counterTable(report)),
    ...(report.failures.length > 0 ? [card("Failures", failureTable(report))] : []),
    card("Workers", workerTable(report)),
  ];
}
