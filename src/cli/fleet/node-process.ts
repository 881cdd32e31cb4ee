import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { EngineChoice } from "../engine/choice.js";
import { eachLine } from "../support/lines.js";
import { loopback } from "../support/ports.js";
import {
  type NodeMessage,
  type NodeOrder,
  parseNodeMessage,
  secretVariable,
  supervisedVariable,
} from "./messages.js";

/** What one node of a fleet is started with, now and after each crash. */
export interface NodePlan {
  readonly name: string;
  /** Absolute path of the application. */
  readonly app: string;
  /** What joins it with the others. */
  readonly engine: EngineChoice;
  /** What it is told by its environment besides. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it serves; another port is taken when this one is not free. */
  readonly port: number;
  readonly meshPort: number;
  /** The other nodes as they are when it starts: `name@host:port`. */
  readonly peers: () => readonly string[];
  /** How it finds more. */
  readonly discover: readonly string[];
  /** Seconds that its clients may take when a signal ends it. */
  readonly drainTimeout: number;
  readonly secret: string;
  readonly logLevel: string;
}

/** Where the output of a node goes, whole lines without their end. */
export interface NodeOutput {
  out(line: string): void;
  err(line: string): void;
}

const program = fileURLToPath(new URL("../main.js", import.meta.url));

/**
 * Starts the process of a node. It has a session of its own, so that Ctrl-C in the terminal reaches it through `up`
 * alone, and a channel to `up`, by whose end it notices that `up` is gone. The secret goes by the environment: the
 * arguments of a process can be read by everybody.
 */
export function spawnNode(plan: NodePlan, output: NodeOutput): ChildProcess {
  const { PORT: _doorPort, ...inherited } = process.env;
  const child = spawn(process.execPath, [...nodeFlags(), program, "node", plan.app, ...argumentsOf(plan)], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    env: { ...inherited, ...plan.env, [secretVariable]: plan.secret, [supervisedVariable]: "1" },
  });
  if (child.stdout !== null) eachLine(child.stdout, output.out);
  if (child.stderr !== null) eachLine(child.stderr, output.err);
  return child;
}

/** Calls `onMessage` for each message of a node. */
export function onNodeMessage(child: ChildProcess, onMessage: (message: NodeMessage) => void): void {
  child.on("message", (value) => {
    const message = parseNodeMessage(value);
    if (message !== undefined) onMessage(message);
  });
}

/** Gives a node an order. False: it has no ear for it any more. */
export function giveOrder(child: ChildProcess, order: NodeOrder): boolean {
  if (!child.connected) return false;
  // One that has just gone says so by its exit.
  child.send(order, () => {});
  return true;
}

function argumentsOf(plan: NodePlan): string[] {
  const pairs = [
    ["--name", plan.name],
    ["--host", loopback],
    ["--port", String(plan.port)],
    ["--drain-timeout", String(plan.drainTimeout)],
    ["--log-level", plan.logLevel],
    ["--engine", plan.engine],
    ...(plan.engine === "mesh" ? meshArgumentsOf(plan) : []),
  ];
  return pairs.flat();
}

function meshArgumentsOf({ meshPort, peers, discover }: NodePlan): string[][] {
  const port = ["--mesh-port", String(meshPort)];
  const others = peers();
  const known = others.length > 0 ? [["--peers", others.join(",")]] : [];
  return [port, ...known, ...discover.map((how) => ["--discover", how])];
}

/** Flags of Node itself, such as `--import`; a debugger's port can serve one process only. */
function nodeFlags(): string[] {
  return process.execArgv.filter((flag) => !flag.startsWith("--inspect"));
}
