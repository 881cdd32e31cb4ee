import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "./wait.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = `${root}dist/cli/main.js`;

/** A file of `test/fixtures`. */
export const fixture = (name: string): string => `${root}test/fixtures/${name}`;

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program under way. */
export interface Program {
  readonly pid: number;
  readonly child: ChildProcess;
  /** All that it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line of its output that begins like this. */
  line(beginning: string): Promise<string>;
}

/** Starts `simurgh …`. It must have been built. */
export function simurgh(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string): Program {
  if (!existsSync(main)) throw new Error(`${main} is missing: build first`);
  return startProgram(process.execPath, [main, ...args], env, root, input);
}

/** Starts a program. A test that waits for a line of one that has ended fails with all that it has printed. */
export function startProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  folder = root,
  input?: string,
): Program {
  const { PORT: _port, SIMURGH_SECRET: _secret, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...inherited, ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  // A program that does not read its input may end before all is written.
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  let [stdout, stderr] = ["", ""];
  let over = false;
  if (child.stdout === null || child.stderr === null) throw new Error("both outputs are pipes");
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      over = true;
      resolve({ code, signal });
    });
  });
  const find = (beginning: string) => stdout.split("\n").find((text) => text.startsWith(beginning));
  return {
    pid: child.pid ?? 0,
    child,
    ended,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    line: async (beginning) => {
      const found = await until(() => over || find(beginning), `a line "${beginning}"`, 40_000).catch(
        () => false,
      );
      const line = find(beginning);
      if (found !== false && line !== undefined) return line;
      throw new Error(`no line "${beginning}" came:\n${stdout}\n${stderr}`);
    },
  };
}

/** Runs `simurgh …` to its end. */
export async function runSimurgh(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string) {
  const program = simurgh(args, env, input);
  const { code } = await program.ended;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Whether a process runs; one that is dead and not yet buried by its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}

/** The processes that a process has started, and those that these have started. */
export function descendants(pid: number): number[] {
  const listing = `/proc/${pid}/task/${pid}/children`;
  const children = readFileSync(listing, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
