import { runPlan } from "../../loadtest/coordinator/load-run.js";
import { searchLimit } from "../../loadtest/coordinator/search.js";
import type { JoinAddress } from "../../loadtest/coordinator/worker-pool.js";
import { htmlOf } from "../../loadtest/report/html/page.js";
import { ProgressView } from "../../loadtest/report/progress.js";
import type { LoadReport } from "../../loadtest/report/report.js";
import { summaryOf } from "../../loadtest/report/summary.js";
import { writeReport } from "../../loadtest/report/write-report.js";
import type { LoadPlan } from "../../loadtest/scenario/plan.js";
import { SimurghError } from "../../runtime/errors.js";
import { stopSignals } from "../support/stop-signals.js";
import { joinAddress } from "./join-address.js";
import { type LoadFlags, planOf } from "./scenario-of-flags.js";

/** Exit code of a run that was ended by Ctrl-C, as shells have it. */
const interrupted = 130;

/** Runs a scenario and tells of it. Resolves with the exit code. */
export async function runLoadCommand(file: string | undefined, flags: LoadFlags): Promise<number> {
  const plan = await planOf(file, flags);
  const join = joinOf(flags);
  if (flags.workers + flags.remoteWorkers === 0) {
    throw new SimurghError("load_worker_failed", "there must be a worker: --workers or --remote-workers");
  }
  const signals = stopSignals();
  const abort = new AbortController();
  void signals.first.then((signal) => {
    process.stderr.write(`${signal}: ending with what there is\n`);
    abort.abort();
  });
  // Whoever is in such a hurry gets no report.
  void signals.second.then(() => process.exit(interrupted));
  const report = await run(plan, flags, join, abort.signal);
  process.stdout.write(summaryOf(report));
  if (flags.json !== undefined) await writeReport(flags.json, `${JSON.stringify(report, undefined, 1)}\n`);
  if (flags.html !== undefined) await writeReport(flags.html, htmlOf(report));
  if (report.ended === "interrupted") return interrupted;
  return report.ended === "done" && report.asserts.every(({ passed }) => passed) ? 0 : 1;
}

function run(
  plan: LoadPlan,
  flags: LoadFlags,
  join: JoinAddress | undefined,
  signal: AbortSignal,
): Promise<LoadReport> {
  const once = async (tried: LoadPlan) => {
    const view = new ProgressView(process.stderr, tried.connections, tried.durationMs);
    try {
      return await runPlan(tried, {
        workers: flags.workers,
        ...(join === undefined ? {} : { join }),
        signal,
        onListening: (port) =>
          process.stderr.write(`waiting for ${flags.remoteWorkers} workers at port ${port}\n`),
        onProgress: (progress) => view.show(progress),
        onEvent: (event) => view.event(event),
      });
    } finally {
      view.end();
    }
  };
  return plan.search === null ? once(plan) : searchLimit(plan, plan.search, once);
}

function joinOf({ listen, remoteWorkers }: LoadFlags): JoinAddress | undefined {
  if (listen === undefined && remoteWorkers === 0) return undefined;
  return { ...joinAddress(listen ?? "127.0.0.1:0"), workers: remoteWorkers };
}
