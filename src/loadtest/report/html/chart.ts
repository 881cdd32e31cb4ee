import type { RunEvent } from "../report.js";
import { escapeData, escapeHtml } from "./escape.js";
import { linearScale, logScale, type Scale } from "./scale.js";

/** One line of a chart. A gap is null. */
export interface Series {
  readonly name: string;
  /** A colour of the page's style, without its dashes. */
  readonly color: string;
  readonly values: readonly (number | null)[];
  readonly style?: "line" | "area" | "dashed" | "bars";
}

/** What a chart shows. */
export interface ChartSpec {
  readonly title: string;
  readonly about: string;
  readonly xs: readonly number[];
  readonly series: readonly Series[];
  readonly log?: boolean;
  /** How a value is written: the name of a format that the page's script knows as well. */
  readonly format: "ms" | "count" | "percent";
  readonly events?: readonly RunEvent[];
  /** The stretch in which messages were published. */
  readonly measured?: readonly [number, number] | null;
  /** How a place on the lower axis is written; seconds when it is not said. */
  readonly xLabels?: readonly string[];
  /** What a place on the lower axis counts; seconds when it is not said. */
  readonly xUnit?: "s" | "min" | "h";
  readonly wide?: boolean;
  /** What stands there instead of a chart without a line. */
  readonly empty?: string;
}

const height = 250;
const margin = { top: 16, right: 14, bottom: 26, left: 58 };

/** A value as it stands on an axis. */
export function formatValue(value: number, format: ChartSpec["format"]): string {
  if (format === "percent") return `${Math.round(value * 100)} %`;
  if (format === "count") {
    if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
    return value >= 10_000
      ? `${Number((value / 1e3).toPrecision(3))}k`
      : Number(value.toPrecision(3)).toLocaleString("en-US");
  }
  if (value >= 1_000) return `${Number((value / 1_000).toPrecision(3))} s`;
  return value < 1 ? `${Number((value * 1_000).toPrecision(3))} µs` : `${Number(value.toPrecision(3))} ms`;
}

/** A chart as a figure: an SVG that follows the page's colours, and the numbers for the page's script. */
export function chart(spec: ChartSpec): string {
  const shown = spec.series.filter(({ values }) => values.some((value) => value !== null));
  const data = {
    xs: spec.xs,
    xLabels: spec.xLabels,
    xUnit: spec.xUnit ?? "s",
    format: spec.format,
    series: shown,
  };
  const width = spec.wide === true ? 1_220 : 600;
  const legend = shown.map(
    ({ name, color }) => `<span><i style="background:var(--${color})"></i>${escapeHtml(name)}</span>`,
  );
  const body =
    shown.length === 0
      ? `<p class="empty">${escapeHtml(spec.empty ?? "Nothing was measured.")}</p>`
      : plot(spec, shown, width);
  return `<figure class="chart${spec.wide === true ? " wide" : ""}" data-chart="${escapeData(data)}">
<figcaption><h3>${escapeHtml(spec.title)}</h3><p>${escapeHtml(spec.about)}</p><div class="legend">${legend.join("")}</div></figcaption>
<div class="plot">${body}</div></figure>`;
}

interface Frame {
  readonly width: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

function plot(spec: ChartSpec, series: readonly Series[], width: number): string {
  const innerWidth = width - margin.left - margin.right;
  const innerHeight = height - margin.top - margin.bottom;
  const [first = 0] = spec.xs;
  const last = Math.max(first + 1e-9, spec.xs.at(-1) ?? 1);
  const values = series.flatMap((one) => one.values.filter((value) => value !== null));
  const positive = values.filter((value) => value > 0);
  const scale =
    spec.log === true
      ? logScale(
          positive.reduce((a, b) => Math.min(a, b), Infinity),
          positive.reduce((a, b) => Math.max(a, b), 0),
          innerHeight,
        )
      : linearScale(
          values.reduce((a, b) => Math.max(a, b), 0),
          innerHeight,
        );
  const frame: Frame = {
    width,
    x: (value) => margin.left + ((value - first) / (last - first)) * innerWidth,
    y: (value) => margin.top + innerHeight - scale.at(value),
  };
  const parts = [
    measuredArea(spec, frame),
    grid(scale, spec, frame),
    xAxis(spec, frame, first, last),
    ...series.map((one) => drawn(one, spec.xs, frame)),
    ...(spec.events ?? []).map((event, i) => eventMark(event, i + 1, frame)),
    `<line class="cursor" y1="${margin.top}" y2="${height - margin.bottom}" visibility="hidden"/>`,
  ];
  const box = `data-left="${margin.left}" data-right="${width - margin.right}" data-first="${first}" data-last="${last}"`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(spec.title)}" ${box}>${parts.join("")}</svg><div class="tip" hidden></div>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function measuredArea({ measured }: ChartSpec, { x }: Frame): string {
  if (measured === undefined || measured === null) return "";
  const [from, to] = measured;
  const inner = height - margin.top - margin.bottom;
  return `<rect class="measured" x="${round(x(from))}" y="${margin.top}" width="${round(Math.max(0, x(to) - x(from)))}" height="${inner}"/>`;
}

function grid({ ticks }: Scale, { format }: ChartSpec, { width, y }: Frame): string {
  return ticks
    .map((tick) => {
      const at = round(y(tick));
      const line = `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/>`;
      return `${line}<text class="axis" x="${margin.left - 8}" y="${at + 4}" text-anchor="end">${formatValue(tick, format)}</text>`;
    })
    .join("");
}

function xAxis({ xs, xLabels, xUnit = "s" }: ChartSpec, { x }: Frame, first: number, last: number): string {
  const y = height - margin.bottom + 17;
  const label = (at: number, text: string) =>
    `<text class="axis" x="${round(x(at))}" y="${y}" text-anchor="middle">${escapeHtml(text)}</text>`;
  if (xLabels !== undefined) return xs.map((at, i) => label(at, xLabels[i] ?? "")).join("");
  const ticks = linearScale(last, 1, 6).ticks.filter((tick) => tick >= first && tick <= last * 1.0001);
  return ticks.map((tick) => label(tick, `${tick} ${xUnit}`)).join("");
}

function drawn({ values, color, style = "line" }: Series, xs: readonly number[], { x, y }: Frame): string {
  const base = height - margin.bottom;
  if (style === "bars") {
    const gap = xs.length > 1 ? x(xs[1] ?? 0) - x(xs[0] ?? 0) : 20;
    const size = Math.max(1, gap * 0.7);
    return values
      .map((value, i) => {
        if (value === null || value <= 0) return "";
        const top = y(value);
        return `<rect x="${round(x(xs[i] ?? 0) - size / 2)}" y="${round(top)}" width="${round(size)}" height="${round(base - top)}" fill="var(--${color})"/>`;
      })
      .join("");
  }
  return runsOf(values)
    .map((run) => {
      const points = run.map((i) => `${round(x(xs[i] ?? 0))},${round(y(values[i] ?? 0))}`);
      const [from = 0, to = 0] = [run[0], run.at(-1)];
      const area =
        style === "area"
          ? `<path d="M${round(x(xs[from] ?? 0))},${base}L${points.join("L")}L${round(x(xs[to] ?? 0))},${base}Z" fill="var(--${color})" opacity=".16"/>`
          : "";
      const dot =
        run.length === 1
          ? `<circle cx="${points[0]?.split(",")[0]}" cy="${points[0]?.split(",")[1]}" r="2.5" fill="var(--${color})"/>`
          : "";
      const dash = style === "dashed" ? ` stroke-dasharray="4 4"` : "";
      return `${area}${dot}<path class="line" d="M${points.join("L")}" stroke="var(--${color})"${dash}/>`;
    })
    .join("");
}

/** The stretches without a gap, as indices. */
function runsOf(values: readonly (number | null)[]): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  values.forEach((value, i) => {
    if (value !== null) run.push(i);
    if ((value === null || i === values.length - 1) && run.length > 0) {
      runs.push(run);
      run = [];
    }
  });
  return runs;
}

function eventMark({ atS, kind, name }: RunEvent, number: number, { x }: Frame): string {
  const at = round(x(atS));
  return `<g class="event ${kind}"><title>${escapeHtml(name)}</title><line x1="${at}" x2="${at}" y1="${margin.top}" y2="${height - margin.bottom}"/><circle cx="${at}" cy="${margin.top}" r="8"/><text x="${at}" y="${margin.top + 4}" text-anchor="middle">${number}</text></g>`;
}
