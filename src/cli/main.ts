#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { SimurghError } from "../runtime/errors.js";
import { addAutoscale } from "./commands/autoscale.js";
import { addBalancer } from "./commands/balancer.js";
import { addDeploy } from "./commands/deploy.js";
import { addDrain } from "./commands/drain.js";
import { addLoad } from "./commands/load.js";
import { addNode } from "./commands/node.js";
import { addNodes } from "./commands/nodes.js";
import { addToken } from "./commands/token.js";
import { addUp } from "./commands/up.js";

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
addUp(program, onExitCode);
addNode(program, onExitCode);
addNodes(program, onExitCode);
addToken(program, onExitCode);
addBalancer(program, onExitCode);
addLoad(program, onExitCode);
addDrain(program, onExitCode);
addDeploy(program, onExitCode);
addAutoscale(program, onExitCode);
try {
  await program.parseAsync();
} catch (error) {
  exitCode = report(error);
}
// An application may leave timers and sockets behind; its node has ended nevertheless.
process.exit(exitCode);
