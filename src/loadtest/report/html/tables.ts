import { formatMs } from "../../scenario/durations.js";
import {
  counters as counterMeanings,
  counterNames,
  latencies as latencyMeanings,
  latencyNames,
} from "../metrics.js";
import type { LoadReport, RunEvent } from "../report.js";
import { grouped } from "../summary.js";
import { escapeHtml } from "./escape.js";

/** A table out of cells that are HTML already. */
function tableOf(head: readonly string[], rows: readonly string[]): string {
  const heads = head.map((name) => `<th>${name}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** The figures of all latencies. */
export function latencyTable({ totals }: LoadReport): string {
  const rows = latencyNames.flatMap((name) => {
    const one = totals.latencies[name];
    if (one === undefined) return [];
    const figures = [one.p50, one.p90, one.p99, one.p999, one.max].map(
      (value) => `<td>${formatMs(value)}</td>`,
    );
    return [
      `<tr title="${escapeHtml(latencyMeanings[name])}"><td>${name}</td><td>${grouped(one.count)}</td>${figures.join("")}</tr>`,
    ];
  });
  return tableOf(["latency", "count", "p50", "p90", "p99", "p99.9", "max"], rows);
}

/** All counters that are not zero, with what they mean; those of a loss always. */
export function counterTable({ totals: { counters } }: LoadReport): string {
  const always = ["published", "expected", "delivered", "lost", "duplicated", "reordered"];
  const rows = counterNames
    .filter((name) => counters[name] > 0 || always.includes(name))
    .map(
      (name) =>
        `<tr><td>${name}</td><td>${grouped(counters[name])}</td><td class="about">${escapeHtml(counterMeanings[name])}</td></tr>`,
    );
  return tableOf(["counter", "total", ""], rows);
}

/** What went wrong, by name. */
export function failureTable({ failures }: LoadReport): string {
  const rows = failures.map(
    ({ name, count }) => `<tr><td class="wrap">${escapeHtml(name)}</td><td>${grouped(count)}</td></tr>`,
  );
  return tableOf(["failure", "times"], rows);
}

/** What became of each assertion. */
export function assertTable({ asserts }: LoadReport): string {
  const rows = asserts.map(({ text, value, passed }) => {
    const verdict = passed ? `<td class="pass">pass</td>` : `<td class="fail">FAIL</td>`;
    return `<tr><td>${escapeHtml(text)}</td><td>${value === null ? "nothing measured" : Number(value.toPrecision(5))}</td>${verdict}</tr>`;
  });
  return tableOf(["assertion", "measured", ""], rows);
}

/** What was done, with the numbers that the charts mark it by. */
export function eventTable(events: readonly RunEvent[]): string {
  const rows = events.map(({ atS, name, kind, result }, i) => {
    const told = result === null ? "" : ` <span class="soft">${escapeHtml(result)}</span>`;
    return `<tr><td><span class="num ${kind}">${i + 1}</span></td><td>${atS.toFixed(1)} s</td><td class="wrap">${escapeHtml(name)}${told}</td></tr>`;
  });
  return tableOf(["", "at", ""], rows);
}

/** How each worker did. */
export function workerTable({ workers }: LoadReport): string {
  const rows = workers.map((one) => {
    const cells = [
      `${escapeHtml(one.host)} ${one.pid}`,
      grouped(one.clients),
      `${Math.round(one.cpuMean * 100)} %`,
      `${Math.round(one.cpuMax * 100)} %`,
      formatMs(one.loopP99Ms),
      `${Math.round(one.rssBytesMax / 1_048_576)} MiB`,
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  return tableOf(["worker", "clients", "core, mean", "core, max", "loop late", "memory"], rows);
}

/** The tries of a search. */
export function searchTable(search: NonNullable<LoadReport["search"]>): string {
  const rows = search.tries.map(({ value, measured, passed }) => {
    const verdict = passed ? `<td class="pass">kept</td>` : `<td class="fail">broken</td>`;
    return `<tr><td>${grouped(value)}</td><td>${measured === null ? "-" : Number(measured.toPrecision(4))}</td>${verdict}</tr>`;
  });
  return tableOf([search.what, escapeHtml(search.bound), ""], rows);
}
