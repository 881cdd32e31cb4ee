#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { SimurghError } from "../runtime/errors.js";

type AddCommand = (program: Command, onExitCode: (code: number) => void) => void;

/** In the order of the help. */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ["up", async () => (await import("./commands/up.js")).addUp],
  ["node", async () => (await import("./commands/node.js")).addNode],
  ["nodes", async () => (await import("./commands/nodes.js")).addNodes],
  ["token", async () => (await import("./commands/token.js")).addToken],
  ["balancer", async () => (await import("./commands/balancer.js")).addBalancer],
  ["load", async () => (await import("./commands/load.js")).addLoad],
  ["drain", async () => (await import("./commands/drain.js")).addDrain],
  ["deploy", async () => (await import("./commands/deploy.js")).addDeploy],
  ["autoscale", async () => (await import("./commands/autoscale.js")).addAutoscale],
]);

/** Only the command that is named is loaded, so that a node starts without what the others need; else all are. */
function wanted(name: string | undefined): Iterable<() => Promise<AddCommand>> {
  const named = name === undefined ? undefined : commands.get(name);
  return named === undefined ? commands.values() : [named];
}

/** Exit code for a command line that cannot be understood. */
const misused = 2;

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version }: { version?: unknown } = JSON.parse(text);
  return String(version);
}

function report(error: unknown): number {
  // Commander has printed its messages already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused;
  if (error instanceof SimurghError) {
    const cause =
      error.code === "app_load_failed" && error.cause instanceof Error ? error.cause.stack : undefined;
    process.stderr.write(`simurgh: ${error.message}\n${cause === undefined ? "" : `${cause}\n`}`);
    return 1;
  }
  process.stderr.write(`simurgh: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

let exitCode = 0;
const onExitCode = (code: number) => {
  exitCode = code;
};
const program = new Command("simurgh")
  .description("Phoenix Channels for TypeScript, built to scale out.")
  .version(version())
  .showHelpAfterError("(add --help to see what there is)")
  .exitOverride();
for (const load of wanted(process.argv[2])) (await load())(program, onExitCode);
try {
  await program.parseAsync();
} catch (error) {
  exitCode = report(error);
}
// An application may leave timers and sockets behind; its node has ended nevertheless.
process.exit(exitCode);
