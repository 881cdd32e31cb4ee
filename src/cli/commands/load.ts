import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { runLoadCommand } from "../load/run-load.js";
import type { LoadFlags } from "../load/scenario-of-flags.js";
import { wholeNumber } from "../options.js";
import { addLoadCompare } from "./load-compare.js";
import { addLoadWorker } from "./load-worker.js";

const help = `
A scenario is a .json, .mjs or .ts file; flags stand above what it says. Without one the flags are the scenario.

  simurgh load --url ws://localhost:4000/socket --connections 2000 --ramp 500 --duration 10s --rate 20 \\
    --topic room:lobby --event shout --json report.json --html report.html
  simurgh load examples/load/chat.mjs --url ws://localhost:4000/socket
  simurgh load … --assert "broadcast.p99 < 50ms" --assert "lost == 0"     # exit code 1 when one fails

Messages are due at times fixed beforehand, and their latency counts from then on, however late they were sent.
Ctrl-C ends a run early; what was measured until then is reported.`;

function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Adds `simurgh load`. */
export function addLoad(program: Command, onExitCode: (code: number) => void): void {
  const load = program
    .command("load")
    .summary("measure what a server of channels holds")
    .description("Puts a server that speaks Phoenix Channels under load, and reports what it did.")
    .argument("[scenario]", "a scenario's file")
    .enablePositionalOptions()
    .option(
      "--url <url>",
      "where the socket is, such as ws://localhost:4000/socket; may be repeated",
      collect,
    )
    .option("--connections <count>", "how many clients")
    .option("--ramp <count>", "connections that are opened a second (default: 500)")
    .option(
      "--duration <time>",
      "how long messages are published, once the clients have joined (default: 10s)",
    )
    .option("--rate <count>", "messages that are published a second, over all clients")
    .option("--think-time <time>", "instead of a rate: each client publishes once in this time")
    .option(
      "--topic <topic>",
      "the topic to join; {n} in it is the number of the topic (default: room:lobby)",
    )
    .option("--topics-per-client <count>", "topics that each client joins (default: 1)")
    .option("--clients-per-topic <count>", "clients in one topic (default: all)")
    .option("--event <event>", "the event that is pushed (default: shout)")
    .option("--expect <what>", "what a message brings about: broadcast, reply or none (default: broadcast)")
    .option("--bytes <count>", "size of a message's payload (default: 120)")
    .option("--param <name=value>", "a parameter of the connection, a template; may be repeated", collect)
    .option("--vsn <version>", "the version of the wire, 1 or 2 (default: 2)")
    .option("--long-poll <share>", "part of the clients that poll, from 0 to 1")
    .option("--slow <share>", "part of the clients that read late, from 0 to 1")
    .option("--churn <count>", "clients a second that leave and come back")
    .option("--source <address>", "a local address to connect from, or a range; may be repeated", collect)
    .option("--seed <number>", "makes chance repeatable (default: 1)")
    .option(
      "--assert <condition>",
      "what must hold, such as 'broadcast.p99 < 50ms'; may be repeated",
      collect,
    )
    .option("--json <file>", "writes the report as JSON")
    .option("--html <file>", "writes the report as a page")
    .option("--listen <host:port>", "waits there for workers of other machines (see: simurgh load worker)")
    .addOption(
      new Option("--remote-workers <count>", "how many such workers to wait for")
        .default(0)
        .argParser(wholeNumber(0, 1_000)),
    )
    .addOption(
      new Option(
        "--workers <count>",
        "worker processes on this machine, about one per core that is to be used",
      )
        .default(availableParallelism(), "one per core")
        .argParser(wholeNumber(0, 1_000)),
    )
    .addHelpText("after", help)
    .action(async (scenario: string | undefined, flags: LoadFlags) => {
      onExitCode(await runLoadCommand(scenario, flags));
    });
  addLoadWorker(load, onExitCode);
  addLoadCompare(load, onExitCode);
}
