import { spawn } from "node:child_process";

/** Process groups under way, so that an interrupt ends them too. */
const groups = new Set();

/** How long the pipes of a command that has ended may stay open, held by something that left its group. */
const closeLimitMs = 2_000;

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => {
    for (const pid of groups) endGroup(pid, "SIGKILL");
    process.exit(130);
  });
}

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; 124 when it took too long
 * @property {string} output standard output and standard error, as they came
 */

/**
 * Runs a command without input in a process group of its own, and leaves nothing of it behind.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, limitMs?: number }} [options]
 * @returns {Promise<Outcome>}
 */
export function run(command, args, { env = process.env, limitMs = 540_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    /** @type {Buffer[]} */
    const chunks = [];
    let late = false;
    if (child.pid !== undefined) groups.add(child.pid);
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid, "SIGKILL");
    }, limitMs);
    let done = false;
    const finish = (/** @type {number} */ code, extra = "") => {
      if (done) return;
      done = true;
      clearTimeout(timer);
      groups.delete(child.pid);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code, output: Buffer.concat(chunks).toString() + extra });
    };
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => finish(127, `${command}: ${error.message}\n`));
    child.on("exit", (code) => {
      // What the command left running would hold the pipes open; the last output still comes before "close".
      endGroup(child.pid, "SIGKILL");
      const report = () =>
        late
          ? finish(124, `\nended after ${limitMs / 1000} s: ${command} ${args.join(" ")}\n`)
          : finish(code ?? 1);
      child.on("close", report);
      setTimeout(report, closeLimitMs).unref();
    });
  });
}

/**
 * @param {number | undefined} pid
 * @param {NodeJS.Signals} signal
 */
function endGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group, which is what is wanted.
  }
}
