import { createHmac, randomBytes } from "node:crypto";
import type { DiscoveryStrategy } from "../../contracts/discovery.js";
import type { Logger } from "../../contracts/logger.js";
import type { PubSubAdapter } from "../../contracts/pubsub-adapter.js";
import { local } from "../../edges/pubsub/local.js";
import { mesh } from "../../edges/pubsub/mesh/mesh.js";
import type { AppEndpoint } from "../app.js";
import { brokerNeeds, type EngineChoice } from "../engine/choice.js";
import { loadEngine } from "../engine/load-engine.js";
import { tryBind } from "../support/ports.js";
import { type StopSignals, stopSignals } from "../support/stop-signals.js";
import { pause, within } from "../support/within.js";
import { loadApp, makeEndpoint, requireAppFile } from "./load-app.js";
import { findParent, type Parent } from "./parent.js";

/** What `simurgh node` is told. */
export interface NodeOptions {
  readonly app: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Undefined: this node has no mesh unless it has peers. */
  readonly meshPort: number | undefined;
  readonly peers: readonly string[];
  /** How it finds other nodes. */
  readonly discover: readonly DiscoveryStrategy[];
  readonly engine: EngineChoice;
  /** Needed where there are peers, a mesh port, or ways to find others. */
  readonly secret: string | undefined;
  readonly drainMsMax: number;
  readonly logger: Logger;
  readonly out: (line: string) => void;
}

/** What the end of a node may take, milliseconds, after its clients were sent away. */
export const stopMsMax = 8_000;
/** What is left when somebody is in a hurry, or nobody is left to wait for. */
const hurriedStopMsMax = 1_000;

/** Runs one node until it is told to end. Resolves with the exit code. */
export async function runNode(options: NodeOptions): Promise<number> {
  const parent = findParent();
  const signals = stopSignals();
  let endpoint: AppEndpoint | undefined;
  const life = async () => {
    endpoint = await startNode(options, parent);
    const signal = await signals.first;
    options.logger.info("ending", { signal });
    return shutDown(endpoint, signals, options);
  };
  // Before there is an endpoint there is nothing to end in good order.
  const early = signals.first.then(() => (endpoint === undefined ? 0 : new Promise<never>(() => {})));
  const orphaned = parent?.gone.then(async () => {
    options.logger.error("the supervisor is gone, so this node ends");
    if (endpoint !== undefined) await within(hurriedStopMsMax, endpoint.stop());
    return 1;
  });
  try {
    return await Promise.race([life(), early, ...(orphaned === undefined ? [] : [orphaned])]);
  } catch (error) {
    parent?.tell({ type: "simurgh:failed", message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

async function startNode(options: NodeOptions, parent: Parent | undefined): Promise<AppEndpoint> {
  const { name, host, logger, out } = options;
  const app = await loadApp(requireAppFile(options.app));
  const pubsub = await makePubSub(options);
  const secretKeyBase = deriveKeyBase(options.secret);
  const supervised = parent !== undefined;
  const endpoint = await makeEndpoint(app, { name, pubsub, secretKeyBase, supervised, logger });
  const { port } = await endpoint.listen({ host, port: await choosePort(options, parent) });
  if (parent === undefined) out(`${name} listens at http://${host}:${port}`);
  parent?.tell({ type: "simurgh:listening", port });
  return endpoint;
}

async function makePubSub(options: NodeOptions): Promise<PubSubAdapter> {
  const { engine, secret, peers, discover, meshPort, host } = options;
  if (engine !== "mesh") {
    const { variable, url } = brokerNeeds[engine];
    return (await loadEngine(engine))(process.env[variable] || url);
  }
  const isLinked = peers.length > 0 || discover.length > 0 || meshPort !== undefined;
  if (secret === undefined || !isLinked) return local();
  return mesh({ secret, peers, discover, listen: { host, port: meshPort ?? 0 } });
}

/** Another secret than the one that nodes prove to each other: what one is used for says nothing of the other. */
function deriveKeyBase(secret: string | undefined): string {
  return createHmac("sha256", secret ?? randomBytes(32))
    .update("secretKeyBase")
    .digest("base64url");
}

/** A node that comes back must not fail because its port was taken meanwhile; its supervisor hears of the new one. */
async function choosePort({ host, port }: NodeOptions, parent: Parent | undefined): Promise<number> {
  if (parent === undefined) return port;
  return (await tryBind({ host, port })) === "free" ? port : 0;
}

async function shutDown(
  endpoint: AppEndpoint,
  signals: StopSignals,
  { drainMsMax, logger }: NodeOptions,
): Promise<number> {
  const hurried = signals.second.then(() => logger.warn("hurrying"));
  const drained = await within(drainMsMax, Promise.race([endpoint.drain(), hurried]));
  if (!drained) logger.warn("not drained in time", { drainMsMax });
  const hurriedStop = hurried.then(() => pause(hurriedStopMsMax));
  const stopped = await within(stopMsMax, Promise.race([endpoint.stop(), hurriedStop]));
  if (!stopped) logger.warn("not stopped in time", { stopMsMax });
  return 0;
}
