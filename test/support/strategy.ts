import { onTestFinished } from "vitest";
import type { DiscoveryHost, DiscoveryStrategy } from "../../src/contracts/discovery.js";
import { formatHostPort } from "../../src/core/cluster/peer-text.js";
import { MemoryLogger } from "./node.js";
import { systemParts } from "./pubsub-engines.js";
import { until } from "./wait.js";

/** Starts a strategy and keeps what it reports; it is stopped with the test. */
export async function startStrategy(strategy: DiscoveryStrategy, host: Partial<DiscoveryHost> = {}) {
  const logger = new MemoryLogger();
  const views: string[][] = [];
  const failures: string[] = [];
  const reports: ("view" | "failed")[] = [];
  onTestFinished(() => strategy.stop());
  await strategy.start({
    ...systemParts,
    logger,
    nodeName: "me@test",
    address: { host: "127.0.0.1", port: 7 },
    secrets: [],
    view: (sightings) => {
      views.push(sightings.map(({ address }) => formatHostPort(address)).toSorted());
      reports.push("view");
    },
    failed: (reason) => {
      failures.push(reason);
      reports.push("failed");
    },
    ...host,
  });
  return {
    strategy,
    logger,
    views,
    failures,
    reports,
    stat: (name: string) => strategy.stats()[name] ?? Number.NaN,
    untilSees: (...wanted: string[]) =>
      until(
        () => JSON.stringify(views.at(-1)) === JSON.stringify(wanted.toSorted()),
        `it sees ${wanted.join()}`,
      ),
    /** Waits until it has reported so many times more. */
    untilReports: (times: number) => {
      const before = reports.length;
      return until(() => reports.length >= before + times, `it reports ${times} times`);
    },
  };
}
