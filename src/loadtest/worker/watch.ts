import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { WorkerWatch } from "../link/messages.js";

/** How often the event loop is looked at. Its own period is taken off what is measured. */
const resolutionMs = 10;

/** Watches this process: a load generator that is itself the limit must say so. */
export class Watch {
  readonly #delay = monitorEventLoopDelay({ resolution: resolutionMs });
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  constructor() {
    this.#delay.enable();
  }

  /** How it did since the last time. */
  take(): WorkerWatch {
    const used = process.cpuUsage(this.#cpu);
    const spentMs = Math.max(1, performance.now() - this.#atMs);
    const late = (ns: number) => (Number.isFinite(ns) ? Math.max(0, ns / 1e6 - resolutionMs) : 0);
    const watch = {
      cpu: (used.user + used.system) / 1_000 / spentMs,
      loopP99Ms: late(this.#delay.percentile(99)),
      loopMaxMs: late(this.#delay.max),
      rssBytes: process.memoryUsage.rss(),
    };
    this.#cpu = process.cpuUsage();
    this.#atMs = performance.now();
    this.#delay.reset();
    return watch;
  }

  /** Watches no more. */
  stop(): void {
    this.#delay.disable();
  }
}
