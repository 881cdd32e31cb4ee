import type { LoadProgress } from "../coordinator/load-run.js";
import { formatMs } from "../scenario/durations.js";
import type { Distribution } from "./metrics.js";
import type { RunEvent } from "./report.js";
import { grouped } from "./summary.js";

/** How often a terminal is redrawn, and how often a line goes to anything else. */
const redrawMs = 200;
const lineMs = 2_000;
const clearLine = "\r\u001b[2K";
const barCells = 20;

/** Where progress is shown. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Shows how a run goes: one line that is redrawn in a terminal, a plain line now and then anywhere else. */
export class ProgressView {
  readonly #output: ProgressOutput;
  readonly #clients: number;
  readonly #durationMs: number;
  #shownMs = 0;
  #delivered = 0;
  #deliveredMs = 0;
  #rate = 0;
  #publishFromS: number | undefined;

  constructor(output: ProgressOutput, clients: number, durationMs: number) {
    this.#output = output;
    this.#clients = clients;
    this.#durationMs = durationMs;
  }

  /** Shows where the run is, unless that was shown just now. */
  show(progress: LoadProgress): void {
    const nowMs = performance.now();
    const isTerminal = this.#output.isTTY === true;
    if (nowMs - this.#shownMs < (isTerminal ? redrawMs : lineMs)) return;
    this.#shownMs = nowMs;
    const line = this.#line(progress, nowMs);
    if (isTerminal) this.#output.write(`${clearLine}${line.slice(0, (this.#output.columns ?? 120) - 1)}`);
    else this.#output.write(`${line}\n`);
  }

  /** Tells of something that was done. */
  event({ atS, name, result }: RunEvent): void {
    const line = `${seconds(atS)}  ${name}${result === null ? "" : `: ${result}`}`;
    this.#output.write(`${this.#output.isTTY === true ? clearLine : ""}${line}\n`);
  }

  /** Leaves the terminal as it was. */
  end(): void {
    if (this.#output.isTTY === true) this.#output.write(clearLine);
  }

  #line({ phase, atS, status, collector }: LoadProgress, nowMs: number): string {
    const { counters } = collector;
    if (nowMs - this.#deliveredMs >= 1_000) {
      this.#rate = ((counters.delivered - this.#delivered) * 1_000) / Math.max(1, nowMs - this.#deliveredMs);
      [this.#delivered, this.#deliveredMs] = [counters.delivered, nowMs];
    }
    if (phase === "publish") this.#publishFromS ??= atS;
    const done = phase === "ramp" ? status.joined / this.#clients : this.#publishedPart(atS);
    const faults = counters.connectErrors + counters.disconnects + counters.joinErrors;
    const parts = [
      `${seconds(atS)}  ${phase.padEnd(7)} ${bar(done)}`,
      `joined ${grouped(status.joined)}/${grouped(this.#clients)}`,
      ...(phase === "ramp"
        ? []
        : [`${grouped(this.#rate)} deliveries/s`, latency(collector.distribution("broadcast"))]),
      ...(counters.lost > 0 ? [`lost ${grouped(counters.lost)}`] : []),
      ...(faults > 0 ? [`failures ${grouped(faults)}`] : []),
    ];
    return parts.filter((part) => part !== "").join("  ");
  }

  #publishedPart(atS: number): number {
    return ((atS - (this.#publishFromS ?? atS)) * 1_000) / this.#durationMs;
  }
}

function latency(distribution: Distribution | undefined): string {
  return distribution === undefined
    ? ""
    : `p50 ${formatMs(distribution.p50)}  p99 ${formatMs(distribution.p99)}`;
}

function seconds(atS: number): string {
  return `${atS.toFixed(1)} s`.padStart(8);
}

function bar(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * barCells);
  return `${"█".repeat(full)}${"░".repeat(barCells - full)}`;
}
