import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import type { CounterName, LatencyName } from "../metrics.js";
import type { LoadReport, RunEvent, TimelinePoint } from "../report.js";
import { type ChartSpec, chart, type Series } from "./chart.js";

/** Percentiles of the plot of the whole distribution; further ones are shown as far as there are values. */
const percentiles = [0, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999];

/** All charts of a report. */
export function chartsOf(report: LoadReport): string {
  const { timeline, measuredFromS, measuredToS } = report;
  const xs = timeline.map(({ fromS, toS }) => (fromS + toS) / 2);
  const measured = measuredFromS === null ? null : ([measuredFromS, measuredToS ?? xs.at(-1) ?? 0] as const);
  const shared = { xs, events: markedEvents(report), measured };
  const main: LatencyName = timeline.some(({ latencies }) => latencies.broadcast !== undefined)
    ? "broadcast"
    : "reply";
  const specs: ChartSpec[] = [
    {
      ...shared,
      title: main === "broadcast" ? "Latency of broadcasts" : "Latency of replies",
      about: "from when a message should have been sent, to each receiver; logarithmic",
      format: "ms",
      log: true,
      wide: true,
      series: latencySeries(timeline, main),
    },
    connections(shared, timeline),
    deliveries(shared, timeline),
    published(shared, timeline),
    faults(shared, timeline),
    generator(shared, timeline),
  ];
  return `${specs.map(chart).join("\n")}\n${chart(distribution(report))}`;
}

/** The events that are marked in the charts, in the order of their numbers. */
export function markedEvents({ events }: LoadReport): RunEvent[] {
  return events.filter(({ kind, atS }) => kind !== "phase" || atS > 0.5);
}

type Shared = Pick<ChartSpec, "xs" | "events" | "measured">;

function latencySeries(timeline: readonly TimelinePoint[], name: LatencyName): Series[] {
  const of = (stat: "p50" | "p90" | "p99" | "max") =>
    timeline.map(({ latencies }) => latencies[name]?.[stat] ?? null);
  return [
    { name: "max", color: "max", style: "dashed", values: of("max") },
    { name: "p99", color: "p99", values: of("p99") },
    { name: "p90", color: "p90", values: of("p90") },
    { name: "p50", color: "p50", values: of("p50") },
  ];
}

function connections(shared: Shared, timeline: readonly TimelinePoint[]): ChartSpec {
  return {
    ...shared,
    title: "Clients",
    about: "with an open connection; and in all their topics, the fewest of each stretch",
    format: "count",
    series: [
      { name: "open", color: "b", values: timeline.map(({ open }) => open) },
      { name: "joined", color: "a", style: "area", values: timeline.map(({ joinedMin }) => joinedMin) },
    ],
  };
}

/** A counter as so many a second. */
function rate(timeline: readonly TimelinePoint[], ...names: readonly CounterName[]): (number | null)[] {
  return timeline.map(
    ({ counters, fromS, toS }) => names.reduce((sum, name) => sum + (counters[name] ?? 0), 0) / (toS - fromS),
  );
}

function deliveries(shared: Shared, timeline: readonly TimelinePoint[]): ChartSpec {
  return {
    ...shared,
    title: "Deliveries a second",
    about: "each message to each receiver",
    format: "count",
    series: [{ name: "delivered", color: "a", style: "area", values: rate(timeline, "delivered") }],
  };
}

function published(shared: Shared, timeline: readonly TimelinePoint[]): ChartSpec {
  const all: Series[] = [
    { name: "messages published", color: "c", values: rate(timeline, "published") },
    { name: "connections opened", color: "b", values: rate(timeline, "connects") },
    { name: "joins", color: "e", values: rate(timeline, "joins") },
  ];
  return {
    ...shared,
    title: "Rates",
    about: "what the clients did, a second",
    format: "count",
    series: all.filter(({ values }) => values.some((value) => value !== 0)),
  };
}

function faults(shared: Shared, timeline: readonly TimelinePoint[]): ChartSpec {
  const all: Series[] = [
    { name: "lost", color: "d", style: "bars", values: rate(timeline, "lost") },
    { name: "late", color: "b", values: rate(timeline, "late") },
    { name: "duplicated", color: "e", values: rate(timeline, "duplicated") },
    { name: "reordered", color: "c", values: rate(timeline, "reordered") },
    {
      name: "connections lost or failed",
      color: "a",
      values: rate(timeline, "disconnects", "connectErrors", "joinErrors"),
    },
  ];
  return {
    ...shared,
    title: "What went wrong, a second",
    about: "a loss is counted when its time is up",
    empty: "Nothing went wrong.",
    format: "count",
    series: all.filter(({ values }) => values.some((value) => value !== 0)),
  };
}

function generator(shared: Shared, timeline: readonly TimelinePoint[]): ChartSpec {
  return {
    ...shared,
    title: "The generator itself",
    about: "the busiest worker's part of a core: near 100 % it is the limit",
    format: "percent",
    series: [{ name: "processor", color: "e", style: "area", values: timeline.map(({ cpuMax }) => cpuMax) }],
  };
}

function distribution({ histograms }: LoadReport): ChartSpec {
  const shown: readonly (readonly [LatencyName, string])[] = [
    ["broadcast", "a"],
    ["reply", "c"],
    ["join", "b"],
    ["connect", "e"],
    ["reconnect", "d"],
  ];
  const series = shown.flatMap(([name, color]): Series[] => {
    const text = histograms[name];
    if (text === undefined) return [];
    const histogram = decodeFromCompressedBase64(text);
    const isKnown = (percentile: number) =>
      percentile <= 50 || histogram.totalCount * (1 - percentile / 100) >= 1;
    const at = (percentile: number) =>
      isKnown(percentile) ? Math.max(0.001, histogram.getValueAtPercentile(percentile) / 1_000) : null;
    return [{ name, color, values: percentiles.map(at) }];
  });
  const known = percentiles.filter((_, i) => series.some(({ values }) => values[i] !== null));
  return {
    title: "Whole distributions",
    about: "by percentile, as far as there are values enough; logarithmic",
    xs: known.map((_, i) => i),
    xLabels: known.map((percentile) => (percentile === 0 ? "min" : `p${percentile}`)),
    format: "ms",
    log: true,
    series: series.map((one) => ({ ...one, values: one.values.slice(0, known.length) })),
  };
}
