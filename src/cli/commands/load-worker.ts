import type { Command } from "commander";
import { serveWorker } from "../../loadtest/worker/serve-worker.js";
import { secretVariable } from "../fleet/messages.js";
import { joinAddress } from "../load/join-address.js";

const help = `
Start the coordinator with --listen and --remote-workers, then one of these per core on each machine. All of them need
the same secret, of 16 bytes or more, in ${secretVariable}. A worker serves one run and ends.

  export ${secretVariable}=$(openssl rand -base64 32)
  simurgh load scenario.mjs --workers 0 --listen 10.0.0.5:4700 --remote-workers 4
  simurgh load worker --join 10.0.0.5:4700`;

/** Adds `simurgh load worker`. */
export function addLoadWorker(load: Command, onExitCode: (code: number) => void): void {
  load
    .command("worker")
    .summary("take part in a run of another machine")
    .description("Takes part in the run of a coordinator on another machine.")
    .requiredOption("--join <host:port>", "where the coordinator listens")
    .addHelpText("after", help)
    .action(async ({ join }: { readonly join: string }) => {
      const fault = await serveWorker({ ...joinAddress(join), isLocal: false });
      if (fault !== undefined) process.stderr.write(`simurgh: the coordinator is gone: ${fault}\n`);
      onExitCode(fault === undefined ? 0 : 1);
    });
}
