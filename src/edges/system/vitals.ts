import { type EventLoopUtilization, performance } from "node:perf_hooks";
import type { Vitals } from "../../contracts/vitals.js";

/** A shorter time says more about the moment than about the load: whoever asks sooner gets the last answer again. */
const windowMsMin = 500;

/**
 * Watches this process. Each watcher measures from its own last look. `read` is Node's own measurement unless a test
 * gives another.
 */
export function systemVitals(
  read: () => EventLoopUtilization = () => performance.eventLoopUtilization(),
): Vitals {
  let last = read();
  let busy = 0;
  return {
    eventLoop: () => {
      const now = read();
      const activeMs = now.active - last.active;
      const windowMs = activeMs + now.idle - last.idle;
      if (windowMs < windowMsMin) return busy;
      last = now;
      busy = activeMs / windowMs;
      return busy;
    },
    rssBytes: () => process.memoryUsage.rss(),
  };
}
