import { performance } from "node:perf_hooks";
import type { Vitals } from "../../contracts/vitals.js";

/** Watches this process. Each watcher measures from its own last look. */
export function systemVitals(): Vitals {
  let last = performance.eventLoopUtilization();
  return {
    eventLoop: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, last);
      last = now;
      return utilization;
    },
    rssBytes: () => process.memoryUsage.rss(),
  };
}
