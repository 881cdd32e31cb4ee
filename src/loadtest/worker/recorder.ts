import { build, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";
import { type CounterName, type LatencyName, zeroCounters } from "../report/metrics.js";

/** Values below this many microseconds are first counted one by one in a plain array, which is much faster. */
const plainUsMax = 65_536;
const highestUs = 600_000_000;

/** Kinds of failures that are told apart; further ones are one. */
const failuresMax = 64;

/** What a worker has measured since the last time that it was asked. */
export interface Recorded {
  readonly counters: Partial<Record<CounterName, number>>;
  /** HDR histograms in microseconds, in the usual compressed form. */
  readonly latencies: Partial<Record<LatencyName, string>>;
  /** How often each failure happened, by its name. */
  readonly failures: Record<string, number>;
}

/** A histogram of microseconds, precise to three digits. */
export function createHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 3,
  });
}

class Latency {
  readonly #plain = new Uint32Array(plainUsMax);
  readonly #histogram = createHistogram();

  record(us: number): void {
    const value = Math.max(0, Math.round(us));
    if (value < plainUsMax) this.#plain[value] = (this.#plain[value] ?? 0) + 1;
    else this.#histogram.recordValue(Math.min(value, highestUs));
  }

  take(): string {
    for (let value = 0; value < plainUsMax; value++) {
      const count = this.#plain[value] ?? 0;
      if (count > 0) this.#histogram.recordValueWithCount(value, count);
    }
    this.#plain.fill(0);
    const text = encodeIntoCompressedBase64(this.#histogram, 1);
    this.#histogram.reset();
    return text;
  }
}

/** Counts and times of one worker. */
export class Recorder {
  #counters = zeroCounters();
  readonly #latencies = new Map<LatencyName, Latency>();
  readonly #touched = new Set<LatencyName>();
  #failures = new Map<string, number>();

  /** Adds to a counter. */
  count(name: CounterName, by = 1): void {
    this.#counters[name] += by;
  }

  /** Notes a time in microseconds. */
  time(name: LatencyName, us: number): void {
    let latency = this.#latencies.get(name);
    if (latency === undefined) {
      latency = new Latency();
      this.#latencies.set(name, latency);
    }
    this.#touched.add(name);
    latency.record(us);
  }

  /** Notes a failure by its name. */
  fail(name: string): void {
    const known = this.#failures.has(name) || this.#failures.size < failuresMax;
    const key = known ? name : "others";
    this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
  }

  /** All that has come since the last time. */
  take(): Recorded {
    const latencies: Partial<Record<LatencyName, string>> = {};
    for (const name of this.#touched) latencies[name] = this.#latencies.get(name)?.take() ?? "";
    this.#touched.clear();
    const counted = Object.entries(this.#counters).filter(([, value]) => value !== 0);
    const failures = Object.fromEntries(this.#failures);
    this.#counters = zeroCounters();
    this.#failures = new Map();
    return { counters: Object.fromEntries(counted), latencies, failures };
  }
}
