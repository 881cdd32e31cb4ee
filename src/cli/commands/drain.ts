import type { Command } from "commander";
import { askFleet } from "../control/client.js";
import type { ControlRequest } from "../control/messages.js";
import { silenceMsMax } from "../control/server.js";
import { doorOption, nodeName, secondsOption } from "../options.js";
import { lineWriter } from "../support/lines.js";

interface DrainCommandOptions {
  readonly port: number;
  readonly timeout: number;
  readonly cancel?: boolean;
  readonly force?: boolean;
}

const help = `
The balancer sends nothing new to the node; its clients are sent away, no faster than the other nodes can take them; what
its handlers still do is done. Then the node ends, and is not started again. Whoever interrupts this command does not
stop the drain: --cancel does, as long as the node is there. Who was sent away by then stays away, the others stay.

Exit code 0: the node is empty and gone, or was kept with --cancel. 1: it is the last that is ready, there is none of
that name, it died or had to be killed, its drain was called off, or it was too late to call it off.

  simurgh drain n2@127.0.0.1
  simurgh drain n2@127.0.0.1 --cancel`;

/** Adds `simurgh drain`. */
export function addDrain(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("drain")
    .summary("empty a node of a running fleet, and end it")
    .description("Has a node of the fleet that `simurgh up` runs send its clients to the others, and end.")
    .argument("<name>", "the node's name, as `simurgh nodes` lists it", nodeName)
    .addOption(doorOption())
    .addOption(
      secondsOption("--timeout <seconds>", "after this, what is left is closed at once, within 12 s", 30),
    )
    .option("--cancel", "call the drain off")
    .option("--force", "drain also the last node that is ready: then nobody is served")
    .addHelpText("after", help)
    .action(async (name: string, options: DrainCommandOptions) => {
      const { port, timeout, cancel = false, force = false } = options;
      const drain: ControlRequest = { command: "drain", name, limitMs: timeout * 1_000, force };
      const request: ControlRequest = cancel ? { command: "cancel-drain", name } : drain;
      await askFleet(port, request, silenceMsMax, onChange(lineWriter(process.stdout)));
      if (cancel) process.stdout.write(`${name} stays\n`);
      onExitCode(0);
    });
}

/** Passes on the lines that differ from the one before. */
export function onChange(write: (line: string) => void): (line: string) => void {
  let last = "";
  return (line) => {
    if (line !== last) write(line);
    last = line;
  };
}
