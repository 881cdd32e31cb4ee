import type { Stats } from "node:fs";
import { chmod, lstat, mkdir, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { SimurghError } from "../../runtime/errors.js";

const userFolder = () => join(tmpdir(), `simurgh-${userInfo().uid}`);

/** The folder of the fleet whose door is `port`: its control socket, and what its balancer needs. */
export function fleetFolder(port: number): string {
  return join(userFolder(), String(port));
}

/** The control socket of the fleet whose door is `port`. */
export function controlPath(port: number): string {
  return join(fleetFolder(port), "control.sock");
}

/** Makes the folder of a fleet, for this user alone. */
export async function makeFleetFolder(port: number): Promise<string> {
  await makePrivate(userFolder());
  await makePrivate(fleetFolder(port));
  return fleetFolder(port);
}

/** Removes the folder of a fleet that has ended. */
export async function removeFleetFolder(port: number): Promise<void> {
  await rm(fleetFolder(port), { recursive: true, force: true });
}

/** Others may write to the folder of temporary files: what they put there under our name must not be used. */
async function makePrivate(path: string): Promise<void> {
  let found: Stats;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    found = await lstat(path);
  } catch (cause) {
    throw new SimurghError("control_failed", `cannot make the folder ${path}`, { cause });
  }
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new SimurghError("control_failed", `${path} is not a folder of this user`);
  }
  if ((found.mode & 0o077) !== 0) await chmod(path, 0o700);
}
