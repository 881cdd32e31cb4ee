import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const pollMs = 200;

/**
 * Does some work while no other process of this machine does it.
 * @template T
 * @param {string} path of a file that stands for the work
 * @param {() => Promise<T>} work
 */
export async function exclusively(path, work) {
  mkdirSync(dirname(path), { recursive: true });
  while (!take(path)) {
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await pause(pollMs);
  }
  const free = () => rmSync(path, { force: true });
  process.on("exit", free);
  try {
    return await work();
  } finally {
    process.off("exit", free);
    free();
  }
}

/** @param {string} path */
function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    // Anything but "it exists" will not get better by waiting.
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  }
}

/** Whether the process that took it is gone. */
function isAbandoned(/** @type {string} */ path) {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    // Just taken, and not yet written.
    if (pid === 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    return code === "ESRCH";
  }
}
