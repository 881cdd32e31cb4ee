import { SimurghError } from "../../runtime/errors.js";
import { within } from "../support/within.js";
import { drainNode } from "./drain-node.js";
import type { Fleet } from "./fleet.js";

/** How a fleet's nodes are replaced. */
export interface DeployOptions {
  /** Absolute path of what the new nodes run. */
  readonly app: string;
  /** How long a new node may take until it is ready. */
  readonly startMsMax: number;
  /** How long a new node must have been ready and alive before the old one is drained. */
  readonly settleMs: number;
  /** The time of each drain. */
  readonly limitMs: number;
}

/**
 * Replaces the nodes of a fleet one after the other: a new one is started, and when it is ready and the door sends to
 * it, the old one is drained. When a new one does not come that far it is taken away, and the old ones stay. Rejects
 * with `deploy_failed`, saying which nodes run then.
 */
export async function deploy(
  fleet: Fleet,
  options: DeployOptions,
  progress: (line: string) => void,
): Promise<void> {
  const old = fleet.names;
  const added: string[] = [];
  for (const [index, name] of old.entries()) {
    // Somebody may have drained it meanwhile.
    if (!fleet.names.includes(name)) continue;
    progress(`${index + 1} of ${old.length}: a new node is to take the place of ${name}`);
    try {
      added.push(await replace(fleet, name, options, progress));
    } catch (error) {
      throw failed(fleet, added, error);
    }
  }
  fleet.app = options.app;
  progress(`deployed: ${added.join(", ")} run ${options.app}`);
}

/** Resolves with the name of the new node when the old one is gone. */
async function replace(
  fleet: Fleet,
  old: string,
  options: DeployOptions,
  progress: (line: string) => void,
): Promise<string> {
  const fresh = await startOne(fleet, options, progress);
  const { limitMs } = options;
  const drain = drainNode(fleet, old, { limitMs }, progress).then(
    () => undefined,
    (fault: unknown) => fault,
  );
  // What becomes of the new one while the old one drains is as telling as its start.
  const death = fleet
    .gone(fresh)
    .then((reason) => startFailed(`${fresh} died while ${old} drained: ${reason}`));
  const fault = await Promise.race([drain, death]);
  if (fault === undefined) return fresh;
  if (await isKept(fleet, old)) {
    await fleet.dropNode(fresh);
    throw fault;
  }
  if (!fleet.isServing(fresh)) throw fault;
  // The old one is gone, though not as it should be, and the new one serves.
  progress(fault instanceof Error ? fault.message : String(fault));
  return fresh;
}

/** Calls the drain of the old node off, if there is still one. False: the node is gone. */
async function isKept(fleet: Fleet, old: string): Promise<boolean> {
  if (fleet.isServing(old)) return true;
  return fleet.cancelDrain(old).then(
    () => true,
    () => fleet.isServing(old),
  );
}

/** Starts a new node and waits until it serves. When it does not, it is taken away again. */
async function startOne(
  fleet: Fleet,
  { app, startMsMax, settleMs }: DeployOptions,
  progress: (line: string) => void,
): Promise<string> {
  let name = "the new node";
  const onName = (given: string) => {
    name = given;
    progress(`${name} starts`);
  };
  const keepAlive = setInterval(() => progress(`${name} starts`), keepAliveMs);
  try {
    await fleet.addNode({ app, startMsMax }, onName);
    try {
      const died = fleet.gone(name);
      await Promise.race([fleet.untilDoorSendsTo(name), died]);
      if (await within(settleMs, died)) throw startFailed(`${name} died soon after its start: ${await died}`);
    } catch (error) {
      await fleet.dropNode(name);
      throw error;
    }
    progress(`${name} is ready, and the door sends to it`);
    return name;
  } finally {
    clearInterval(keepAlive);
  }
}

/** One who waits must hear something now and then. */
const keepAliveMs = 5_000;

function startFailed(message: string): SimurghError {
  return new SimurghError("fleet_start_failed", message);
}

function failed(fleet: Fleet, added: readonly string[], cause: unknown): SimurghError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const fresh = fleet.names.filter((name) => added.includes(name));
  const old = fleet.names.filter((name) => !added.includes(name));
  const list = (names: readonly string[]) => (names.length === 0 ? "none" : names.join(", "));
  const message = `${why}; the deploy goes no further. New nodes: ${list(fresh)}; old nodes: ${list(old)}`;
  return new SimurghError("deploy_failed", message, { cause });
}
