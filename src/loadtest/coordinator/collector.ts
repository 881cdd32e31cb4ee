import { decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import type { Tick, WorkerStatus, WorkerWatch } from "../link/messages.js";
import {
  type CounterName,
  counterNames,
  type Distribution,
  type LatencyName,
  latencyNames,
  zeroCounters,
} from "../report/metrics.js";
import type { TimelinePoint } from "../report/report.js";
import { createHistogram } from "../worker/recorder.js";

/** How long a stretch stays open for workers that tell late. */
const lateUs = 5_000_000;

/** The usual figures of a histogram of microseconds. */
export function distributionOf(histogram: Histogram): Distribution {
  const ms = (us: number) => us / 1_000;
  return {
    count: histogram.totalCount,
    min: ms(histogram.getValueAtPercentile(0)),
    mean: ms(histogram.mean),
    p50: ms(histogram.getValueAtPercentile(50)),
    p90: ms(histogram.getValueAtPercentile(90)),
    p99: ms(histogram.getValueAtPercentile(99)),
    p999: ms(histogram.getValueAtPercentile(99.9)),
    max: ms(histogram.maxValue),
  };
}

interface Stretch {
  readonly histograms: Map<LatencyName, Histogram>;
  readonly counters: Partial<Record<CounterName, number>>;
  readonly statuses: Map<number, WorkerStatus>;
  cpuMax: number;
  loopMaxMs: number;
}

/** Merges what the workers measure: histograms are added, never averaged. */
export class Collector {
  readonly #stretchUs: number;
  readonly #counters = zeroCounters();
  readonly #histograms = new Map<LatencyName, Histogram>();
  readonly #failures = new Map<string, number>();
  readonly #stretches = new Map<number, Stretch>();
  readonly #points = new Map<number, TimelinePoint>();
  readonly #statuses = new Map<number, WorkerStatus>();
  readonly #watches = new Map<number, { atUs: number; watch: WorkerWatch }[]>();

  /** `stretchS` is the length of a point of the timeline. */
  constructor(stretchS: number) {
    this.#stretchUs = stretchS * 1_000_000;
  }

  /** Adds what a worker has measured. */
  add(worker: number, { fromUs, toUs, status, recorded, watch }: Tick): void {
    const index = Math.max(0, Math.floor((fromUs + toUs) / 2 / this.#stretchUs));
    const stretch = this.#stretch(index);
    stretch.statuses.set(worker, status);
    stretch.cpuMax = Math.max(stretch.cpuMax, watch.cpu);
    stretch.loopMaxMs = Math.max(stretch.loopMaxMs, watch.loopMaxMs);
    for (const name of counterNames) {
      const by = recorded.counters[name] ?? 0;
      if (by === 0) continue;
      this.#counters[name] += by;
      stretch.counters[name] = (stretch.counters[name] ?? 0) + by;
    }
    for (const name of latencyNames) {
      const text = recorded.latencies[name];
      if (text === undefined) continue;
      const histogram = decodeFromCompressedBase64(text);
      addTo(this.#histograms, name, histogram);
      addTo(stretch.histograms, name, histogram);
    }
    for (const [name, count] of Object.entries(recorded.failures)) {
      this.#failures.set(name, (this.#failures.get(name) ?? 0) + count);
    }
    const watches = this.#watches.get(worker);
    const told = { atUs: (fromUs + toUs) / 2, watch };
    if (watches === undefined) this.#watches.set(worker, [told]);
    else watches.push(told);
    this.#closeBefore((toUs - lateUs) / this.#stretchUs - 1);
  }

  /** How a worker's clients stand. */
  setStatus(worker: number, status: WorkerStatus): void {
    this.#statuses.set(worker, status);
  }

  /** How all clients stand. */
  status(): WorkerStatus {
    return sumOf([...this.#statuses.values()]);
  }

  /** All counters so far. */
  get counters(): Readonly<Record<CounterName, number>> {
    return this.#counters;
  }

  /** What each worker said of itself between two times, by its number. */
  watches(fromUs: number, toUs: number): Map<number, WorkerWatch[]> {
    const within = ({ atUs }: { atUs: number }) => atUs >= fromUs && atUs <= toUs;
    const entries = [...this.#watches].map(
      ([worker, told]) => [worker, told.filter(within).map(({ watch }) => watch)] as const,
    );
    return new Map(entries);
  }

  /** One distribution so far. */
  distribution(name: LatencyName): Distribution | undefined {
    const histogram = this.#histograms.get(name);
    return histogram === undefined ? undefined : distributionOf(histogram);
  }

  /** All distributions, and their histograms in the usual compressed form. */
  distributions(): {
    figures: Partial<Record<LatencyName, Distribution>>;
    histograms: Partial<Record<LatencyName, string>>;
  } {
    const entries = [...this.#histograms];
    return {
      figures: Object.fromEntries(entries.map(([name, one]) => [name, distributionOf(one)])),
      histograms: Object.fromEntries(entries.map(([name, one]) => [name, encodeIntoCompressedBase64(one)])),
    };
  }

  /** Failures, most frequent first. */
  failures(): { name: string; count: number }[] {
    return [...this.#failures].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
  }

  /** All points so far; the last may grow. */
  timeline(): TimelinePoint[] {
    this.#closeBefore(Number.POSITIVE_INFINITY);
    return [...this.#points].sort(([a], [b]) => a - b).map(([, point]) => point);
  }

  #stretch(index: number): Stretch {
    let stretch = this.#stretches.get(index);
    if (stretch === undefined) {
      stretch = { histograms: new Map(), counters: {}, statuses: new Map(), cpuMax: 0, loopMaxMs: 0 };
      this.#stretches.set(index, stretch);
    }
    return stretch;
  }

  /** A stretch that is over is kept as its figures only: a long run would not fit otherwise. */
  #closeBefore(index: number): void {
    for (const [at, { histograms, counters, statuses, cpuMax, loopMaxMs }] of this.#stretches) {
      if (at > index || this.#points.has(at)) continue;
      const { open, joined, joinedMin } = sumOf([...statuses.values()]);
      const figures = [...histograms].map(([name, one]) => [name, distributionOf(one)] as const);
      this.#points.set(at, {
        fromS: (at * this.#stretchUs) / 1e6,
        toS: ((at + 1) * this.#stretchUs) / 1e6,
        open,
        joined,
        joinedMin,
        counters,
        latencies: Object.fromEntries(figures),
        cpuMax,
        loopMaxMs,
      });
      this.#stretches.delete(at);
    }
  }
}

function addTo(histograms: Map<LatencyName, Histogram>, name: LatencyName, added: Histogram): void {
  const known = histograms.get(name);
  const histogram = known ?? createHistogram();
  if (known === undefined) histograms.set(name, histogram);
  histogram.add(added);
}

function sumOf(statuses: readonly WorkerStatus[]): WorkerStatus {
  const sum = (pick: (status: WorkerStatus) => number) =>
    statuses.reduce((total, one) => total + pick(one), 0);
  return {
    open: sum(({ open }) => open),
    joined: sum(({ joined }) => joined),
    joinedMin: sum(({ joinedMin }) => joinedMin),
    gone: sum(({ gone }) => gone),
    clients: sum(({ clients }) => clients),
    pending: sum(({ pending }) => pending),
  };
}
