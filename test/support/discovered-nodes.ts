import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { fixture, type Program, simurgh } from "./program.js";

const secret = randomBytes(32).toString("base64");

/** Starts `simurgh node` with an application; it is killed with the test. */
export function startNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const program = simurgh(["node", fixture("room-app.mjs"), ...args], { SIMURGH_SECRET: secret, ...env });
  onTestFinished(async () => {
    program.child.kill("SIGKILL");
    await program.ended;
  });
  return program;
}

/** Names of the nodes that a node is linked with, by its own words. */
export function linked({ stderr }: Program): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, what, name = ""] of stderr.matchAll(/mesh node (up|left|lost|down)\S* node=(\S+)/g)) {
    if (what === "up") names.add(name);
    else names.delete(name);
  }
  return names;
}

/** The port that a node serves at. */
export async function portOf(program: Program): Promise<number> {
  return Number((await program.line("n")).split(":").at(-1));
}

/** The name of a node. */
export async function nameOf(program: Program): Promise<string> {
  return (await program.line("n")).split(" ")[0] ?? "";
}
