import type { SimulationSummary } from "../../core/autoscale/simulate.js";
import { table } from "../support/table.js";
import type { Comparison, Stretch } from "./compare.js";

/** Rows of the course that is printed. */
const rowsMax = 25;

/** The course of the load and of each fleet, then each policy in figures, as text. */
export function showComparison({ load, runs, intervalMs }: Comparison): string {
  const [first] = runs;
  const course = first?.stretches ?? [];
  const every = Math.max(1, Math.ceil(course.length / rowsMax));
  const several = runs.length > 1;
  const named = (what: string, name: string) => (several ? `${what} ${name}` : what);
  const head = [
    "TIME",
    "LOAD",
    ...runs.flatMap(({ name }) => [named("NODES", name), named("USED", name), named("REFUSED", name)]),
  ];
  const rows: string[][] = [];
  for (let from = 0; from < course.length; from += every) {
    const parts = runs.map(({ stretches }) => joined(stretches.slice(from, from + every)));
    const [{ atMs = 0, wanted = 0 } = {}] = parts;
    rows.push([
      clock(atMs),
      count(wanted),
      ...parts.flatMap(({ nodes, utilisation, refused }) => [
        String(nodes),
        percent(utilisation),
        count(refused),
      ]),
    ]);
  }
  const about = `${load}, a decision every ${intervalMs / 1_000} s; of each row what was most, and the mean of what was used`;
  const figures = runs.map(({ name, summary }) => [name, ...figuresOf(summary).map(([, value]) => value)]);
  const heads = first === undefined ? [] : figuresOf(first.summary).map(([title]) => title.toUpperCase());
  return `${about}\n\n${table(head, rows)}\n${table(["POLICY", ...heads], figures)}`;
}

/** A summary as pairs of what and how much. */
export function figuresOf(summary: SimulationSummary): readonly (readonly [string, string])[] {
  return [
    ["node hours", summary.nodeHours.toFixed(1)],
    ["most nodes", String(summary.nodesMax)],
    ["used", percent(summary.utilisationMean)],
    ["most refused", count(summary.refusedMax)],
    ["refused client minutes", count(Math.round(summary.refusedClientMinutes))],
    ["changes", String(summary.changes)],
    ["reversals", String(summary.reversals)],
  ];
}

/** Time since the beginning, as hours, minutes and seconds. */
export function clock(atMs: number): string {
  const seconds = Math.round(atMs / 1_000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function joined(stretches: readonly Stretch[]): Stretch {
  const most = (of: (one: Stretch) => number) => Math.max(0, ...stretches.map(of));
  return {
    atMs: stretches[0]?.atMs ?? 0,
    wanted: most(({ wanted }) => wanted),
    held: most(({ held }) => held),
    refused: most(({ refused }) => refused),
    nodes: most(({ nodes }) => nodes),
    ready: most(({ ready }) => ready),
    utilisation:
      stretches.reduce((sum, { utilisation }) => sum + utilisation, 0) / Math.max(1, stretches.length),
  };
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
