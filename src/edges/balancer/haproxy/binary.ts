import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** An HAProxy that this machine has. */
export interface HaproxyBinary {
  readonly path: string;
  /** Such as "2.6.12". */
  readonly version: string;
}

/** System folders that the PATH of a user who is not root often lacks, though anybody may run what is there. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/sbin"];

/** The oldest version that takes servers which it checks in and out at run time. */
const oldest = { major: 2, minor: 6 };

const answerMsMax = 5_000;

/** Looks for `haproxy` along a search path. The answer is the binary, or the reason why there is none. */
export async function findHaproxy(searchPath: string): Promise<HaproxyBinary | string> {
  const folders = [...searchPath.split(delimiter).filter((folder) => folder !== ""), ...systemFolders];
  for (const folder of folders) {
    const path = join(folder, "haproxy");
    if (await isExecutable(path)) return readVersion(path);
  }
  return "no haproxy binary was found";
}

/** Whether the binary has the exporter for Prometheus built in. */
export function hasPrometheus(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(path, ["-vv"], { timeout: answerMsMax }, (error, stdout) => {
      resolve(error === null && /^Available services :.*\bprometheus-exporter\b/m.test(stdout));
    });
  });
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readVersion(path: string): Promise<HaproxyBinary | string> {
  return new Promise((resolve) => {
    execFile(path, ["-v"], { timeout: answerMsMax }, (error, stdout) => {
      const found = /version (\d+)\.(\d+)[\w.]*/.exec(stdout);
      if (error !== null || found === null) return resolve(`${path} does not say its version`);
      const [text, major, minor] = [found[0].slice("version ".length), Number(found[1]), Number(found[2])];
      const isTooOld = major < oldest.major || (major === oldest.major && minor < oldest.minor);
      if (isTooOld) resolve(`${path} is ${text}, older than ${oldest.major}.${oldest.minor}`);
      else resolve({ path, version: text });
    });
  });
}
