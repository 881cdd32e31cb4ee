import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/**
 * HAProxy has no way to notice that its parent was killed. So the shell that becomes it leaves a watcher behind,
 * which reads a pipe held open by this process alone: the pipe ends when this process does, whatever the reason. A
 * line in the pipe tells the watcher that HAProxy is gone already.
 */
const guardedRun = '(read line <&3 || kill -KILL $$) >/dev/null 2>&1 & exec "$0" -db -f "$1" 3<&-';

const checkMsMax = 10_000;
const stopMsMax = 2_000;

/** A running HAProxy. */
export interface HaproxyProcess {
  readonly pid: number;
  /** Resolves with what it was when the process is gone. */
  readonly exited: Promise<string>;
  /** Its newest lines of output, for a message of failure. */
  lastLines(): string;
  /** Ends it and every connection. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Has HAProxy judge a config file. Undefined: it is valid; otherwise what HAProxy says of it. */
export function checkConfig(
  binary: string,
  configPath: string,
  ...options: string[]
): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      binary,
      ["-c", ...options, "-f", configPath],
      { timeout: checkMsMax },
      (error, stdout, stderr) => {
        resolve(error === null ? undefined : `${stdout}${stderr}`.trim() || error.message);
      },
    );
  });
}

/**
 * Starts HAProxy in the foreground, in a session of its own: an interrupt from the terminal must reach it only
 * after the servers behind it have said goodbye.
 */
export function startHaproxy(
  binary: string,
  configPath: string,
  onLine: (line: string) => void,
): HaproxyProcess {
  const child = spawn("/bin/sh", ["-c", guardedRun, binary, configPath], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const newest: string[] = [];
  const onOutput = (line: string) => {
    const text = plainLine(line);
    newest.push(text);
    if (newest.length > 20) newest.shift();
    onLine(text);
  };
  for (const input of [child.stdout, child.stderr]) {
    if (input !== null) createInterface({ input }).on("line", onOutput);
  }
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
    lastLines: () => newest.join("\n"),
    stop: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** HAProxy marks lines with a level and its process id, which say nothing here. */
function plainLine(line: string): string {
  return line.replace(/^\[(NOTICE|WARNING|ALERT)\]\s+\(\d+\) : /, "");
}
