import { type ChildProcess, spawn } from "node:child_process";
import { Writable } from "node:stream";
import { eachLine } from "./lines.js";

/**
 * The program has no way to notice that its parent was killed. So the shell that becomes it leaves a watcher behind,
 * which reads a pipe held open by this process alone: the pipe ends when this process does, whatever the reason. A
 * line in the pipe tells the watcher that the program is gone already.
 */
const guardedRun = '(read line <&3 || kill -KILL $$) >/dev/null 2>&1 & exec "$@" 3<&-';

/** A program that does not outlive this process. */
export interface GuardedChild {
  readonly pid: number;
  /** Resolves with what it was when the process is gone. */
  readonly exited: Promise<string>;
  /** Ends it, by force when it takes longer than this. Resolves when it is gone. */
  stop(stopMsMax: number): Promise<void>;
}

/** Starts a program in a session of its own, so that Ctrl-C in the terminal reaches it through this process alone. */
export function startGuarded(
  command: readonly string[],
  folder: string,
  onLine: (line: string) => void,
): GuardedChild {
  const child: ChildProcess = spawn("/bin/sh", ["-c", guardedRun, "sh", ...command], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  for (const output of [child.stdout, child.stderr]) if (output !== null) eachLine(output, onLine);
  const guard = child.stdio[3];
  const exited = new Promise<string>((resolve) => {
    const end = (reason: string) => {
      if (guard instanceof Writable) guard.end("gone\n");
      resolve(reason);
    };
    // The watcher may be gone before it is told.
    guard?.on("error", () => {});
    child.on("error", (error) => end(error.message));
    child.on("exit", (code, signal) => end(signal ?? `exit code ${code}`));
  });
  return {
    pid: child.pid ?? 0,
    exited,
    stop: async (stopMsMax) => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
      await exited;
      clearTimeout(timer);
    },
  };
}
