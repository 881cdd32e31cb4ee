import { randomBytes } from "node:crypto";
import { lineLogger, type PubSubHost } from "simurgh";

/** What the runtime would give an engine, on this machine's own time. */
export function benchHost(nodeName: string, deliver: PubSubHost["deliver"]): PubSubHost {
  return {
    nodeName,
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      after: (delayMs, callback) => {
        const timer = setTimeout(callback, delayMs);
        return () => clearTimeout(timer);
      },
      every: (periodMs, callback) => {
        const timer = setInterval(callback, periodMs);
        return () => clearInterval(timer);
      },
    },
    random: { fraction: () => Math.random(), bytes: (length) => new Uint8Array(randomBytes(length)) },
    logger: lineLogger({ level: "warn", fields: { node: nodeName } }),
    deliver,
    changed: () => {},
  };
}
