import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** CPU time and memory of a process, as it reports them. */
export interface Usage {
  /** User and system time, seconds. */
  readonly cpuS: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
}

/** A bench process, on a core of its own if it has one, which answers requests one at a time. */
export class BenchProcess {
  readonly #child: ChildProcess;
  #pending: { resolve: (value: unknown) => void; reject: (error: Error) => void } | undefined = undefined;

  /** Starts `script` (relative to this folder) pinned to `core`, if one is given and `taskset` exists. */
  constructor(script: string, core?: number, args: readonly string[] = [], nodeArgs: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const node = [process.execPath, "--expose-gc", ...nodeArgs, path, ...args];
    const isPinned = core !== undefined && existsSync("/usr/bin/taskset");
    const command = isPinned ? ["/usr/bin/taskset", "-c", String(core), ...node] : node;
    const [program = process.execPath, ...rest] = command;
    this.#child = spawn(program, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message: { readonly ok?: unknown; readonly error?: string }) => {
      const pending = this.#pending;
      this.#pending = undefined;
      if (message.error === undefined) pending?.resolve(message.ok);
      else pending?.reject(new Error(message.error));
    });
    this.#child.on("exit", (code, signal) => {
      this.#pending?.reject(new Error(`${script} ended early (${signal ?? code})`));
    });
  }

  /** Asks the process; the answer's shape is what its script says. */
  ask<T>(request: object): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve: (value) => resolve(value as T), reject }; // The script's answer type is the caller's word.
      this.#child.send(request);
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}

/** In a bench process: answers the requests of {@link BenchProcess.ask}. */
export function serve(answer: (request: Record<string, unknown>) => unknown): void {
  process.on("message", (request: Record<string, unknown>) => {
    Promise.resolve()
      .then(() => answer(request))
      .then(
        (ok) => process.send?.({ ok: ok ?? null }),
        (error: unknown) =>
          process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
  process.on("disconnect", () => process.exit(0));
}

/** This process's usage; memory after a collection, so that garbage does not count. */
export function usage(): Usage {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuS: (user + system) / 1e6, rssBytes: rss, heapBytes: heapUsed };
}
