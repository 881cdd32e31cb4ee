import type { Command } from "commander";
import { askFleet } from "../control/client.js";
import { silenceMsMax } from "../control/server.js";
import { requireAppFile } from "../node/load-app.js";
import { doorOption, secondsOption } from "../options.js";
import { lineWriter } from "../support/lines.js";
import { onChange } from "./drain.js";

interface DeployCommandOptions {
  readonly port: number;
  readonly readyTimeout: number;
  readonly settle: number;
  readonly drainTimeout: number;
}

const help = `
For each node that the fleet has now: a new one is started, and when it is ready, has lived for --settle seconds and the
door sends to it, the old one is drained as by \`simurgh drain\`. So the fleet is one node larger for a while. A new node
has a new name: n4@127.0.0.1 after n3@127.0.0.1, and no name is ever given twice, so that logs and other nodes cannot
take one for the other.

Without an application the new nodes run the file that the fleet runs, as it is on the disk now. When a new node does not
become ready, or dies before the old one is gone, it is taken away, the old one stays, and the deploy ends there. Nodes
that were replaced before stay replaced; deploy again, with the old file, to bring them back.

Exit code 0: every node was replaced. 1: not all were; the message says why, and which nodes run now. Whoever interrupts
this command does not stop the deploy.

  simurgh deploy
  simurgh deploy ./release-2/app.js`;

/** Adds `simurgh deploy`. */
export function addDeploy(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("deploy")
    .summary("replace the nodes of a running fleet, one after the other")
    .description("Replaces the nodes of the fleet that `simurgh up` runs, so that nobody notices.")
    .argument("[app]", "the application's module (default: what the fleet runs)")
    .addOption(doorOption())
    .addOption(
      secondsOption("--ready-timeout <seconds>", "how long a new node may take until it is ready", 30),
    )
    .addOption(
      secondsOption("--settle <seconds>", "how long it must have been ready before it is trusted", 1),
    )
    .addOption(secondsOption("--drain-timeout <seconds>", "how long each old node's clients may take", 30))
    .addHelpText("after", help)
    .action(async (app: string | undefined, options: DeployCommandOptions) => {
      const request = {
        command: "deploy",
        app: app === undefined ? undefined : requireAppFile(app),
        startMsMax: options.readyTimeout * 1_000,
        settleMs: options.settle * 1_000,
        limitMs: options.drainTimeout * 1_000,
      } as const;
      await askFleet(options.port, request, silenceMsMax, onChange(lineWriter(process.stdout)));
      onExitCode(0);
    });
}
