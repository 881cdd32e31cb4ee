import { spawn } from "node:child_process";
import type { HookSettings } from "../scenario/plan.js";

/** A command that takes longer is left to itself; the report says so. */
const hookMsMax = 60_000;
const outputCharsMax = 200;

/** Does what a hook says. Resolves with what came of it; never rejects. */
export async function runHook({ run, kill, signal }: HookSettings): Promise<string> {
  if (kill !== null) return signalProcess(kill, signal);
  return run === null ? "nothing to do" : runCommand(run);
}

function signalProcess(pid: number, signal: string): string {
  try {
    process.kill(pid, signal);
    return `sent ${signal} to ${pid}`;
  } catch (error) {
    return `could not send ${signal} to ${pid}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function runCommand(command: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", command], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const onOutput = (text: string) => {
      output = `${output}${text}`.slice(-outputCharsMax);
    };
    child.stdout.setEncoding("utf8").on("data", onOutput);
    child.stderr.setEncoding("utf8").on("data", onOutput);
    const timer = setTimeout(() => resolve(`still running after ${hookMsMax / 1_000} s`), hookMsMax);
    const end = (result: string) => {
      clearTimeout(timer);
      resolve(output.trim() === "" ? result : `${result}: ${output.trim()}`);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => end(signal === null ? `exit code ${code}` : `ended by ${signal}`));
  });
}
