import { createHmac, randomBytes } from "node:crypto";
import type { DiscoveryStrategy } from "../../contracts/discovery.js";
import type { Logger } from "../../contracts/logger.js";
import type { PubSubAdapter } from "../../contracts/pubsub-adapter.js";
import type { NodeStage } from "../../core/autoscale/signal.js";
import { startAgent } from "../../edges/balancer/agent/agent.js";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { local } from "../../edges/pubsub/local.js";
import { mesh } from "../../edges/pubsub/mesh/mesh.js";
import { systemVitals } from "../../edges/system/vitals.js";
import type { AppEndpoint } from "../app.js";
import { brokerNeeds, type EngineChoice } from "../engine/choice.js";
import { loadEngine } from "../engine/load-engine.js";
import { reachable } from "../fleet/door.js";
import { tryBind } from "../support/ports.js";
import { onStopSignals } from "../support/stop-signals.js";
import { loadApp, makeEndpoint, requireAppFile } from "./load-app.js";
import { NodeLife } from "./node-life.js";
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
  /** Where it answers HAProxy's agent checks; undefined: nowhere. */
  readonly agentPort: number | undefined;
  /** The connections that it asks a balancer for at most. */
  readonly agentConnectionsMax: number | undefined;
  readonly logger: Logger;
  readonly out: (line: string) => void;
}

/** As often as nodes measure themselves. */
const statusPeriodMs = 1_000;
/** How long a node may take to say whether it is ready. */
const readyMsMax = 1_000;

/** Runs one node until it is told to end. Resolves with the exit code. */
export async function runNode(options: NodeOptions): Promise<number> {
  const { drainMsMax, logger } = options;
  const parent = findParent();
  let life: NodeLife | undefined;
  const work = async () => {
    const { endpoint, forget } = await startNode(options, parent);
    const tell = parent === undefined ? undefined : tellStatus(endpoint, options.name, parent);
    life = new NodeLife({ endpoint, forget, drainMsMax, logger, onStage: (stage) => tell?.(stage) });
    return life.ended;
  };
  // Before there is an endpoint there is nothing to end in good order.
  const early = new Promise<number>((resolve) => {
    onStopSignals((signal) => (life === undefined ? resolve(0) : life.signal(signal)));
    parent?.onOrder((order) => {
      if (life !== undefined) life.obey(order);
      else if (order.type === "simurgh:drain" || order.type === "simurgh:stop") resolve(0);
    });
  });
  const orphaned = parent?.gone.then(async () => {
    logger.error("the supervisor is gone, so this node ends");
    await life?.abandon();
    return 1;
  });
  try {
    return await Promise.race([work(), early, ...(orphaned === undefined ? [] : [orphaned])]);
  } catch (error) {
    parent?.tell({ type: "simurgh:failed", message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** Tells `up` once a second how this node is, and at once when its stage changes. */
function tellStatus(endpoint: AppEndpoint, name: string, parent: Parent): (stage: NodeStage) => void {
  let stage: NodeStage = "ready";
  const tell = () => {
    const values = endpoint.fleet?.().find((node) => node.name === name)?.values ?? {};
    parent.tell({ type: "simurgh:status", stage, values });
  };
  setInterval(tell, statusPeriodMs).unref();
  tell();
  return (now) => {
    stage = now;
    tell();
  };
}

/** A node that listens. */
interface StartedNode {
  readonly endpoint: AppEndpoint;
  readonly forget: (name: string) => void;
}

async function startNode(options: NodeOptions, parent: Parent | undefined): Promise<StartedNode> {
  const { name, host, logger, out } = options;
  const app = await loadApp(requireAppFile(options.app));
  const { pubsub, forget } = await makePubSub(options);
  const secretKeyBase = deriveKeyBase(options.secret);
  const supervised = parent !== undefined;
  const endpoint = await makeEndpoint(app, { name, pubsub, secretKeyBase, supervised, logger });
  const { port } = await endpoint.listen({ host, port: await choosePort(options, parent) });
  await startNodeAgent(options, port);
  if (parent === undefined) out(`${name} listens at http://${host}:${port}`);
  parent?.tell({ type: "simurgh:listening", port });
  return { endpoint, forget };
}

/** Where a balancer may ask how the node is; whether it is ready it hears from the node's own `/ready`. */
async function startNodeAgent(options: NodeOptions, port: number): Promise<void> {
  const { host, agentPort, agentConnectionsMax, out } = options;
  if (agentPort === undefined) return;
  const isReady = async () => {
    const answer = await probe(reachable({ host, port }), "/ready", readyMsMax);
    return typeof answer !== "string" && answer.status === 200;
  };
  const address = { host, port: agentPort };
  const agent = await startAgent({
    address,
    connectionsMax: agentConnectionsMax,
    busy: systemVitals().eventLoop,
    isReady,
  });
  out(`${options.name} tells how it is at ${host}:${agent.port}`);
}

/** The engine, and how it is told that a node has gone for good. */
async function makePubSub(
  options: NodeOptions,
): Promise<{ readonly pubsub: PubSubAdapter; readonly forget: (name: string) => void }> {
  const nobody = () => {};
  const { engine, secret, peers, discover, meshPort, host } = options;
  if (engine !== "mesh") {
    const { variable, url } = brokerNeeds[engine];
    return { pubsub: (await loadEngine(engine))(process.env[variable] || url), forget: nobody };
  }
  const isLinked = peers.length > 0 || discover.length > 0 || meshPort !== undefined;
  if (secret === undefined || !isLinked) return { pubsub: local(), forget: nobody };
  const pubsub = mesh({ secret, peers, discover, listen: { host, port: meshPort ?? 0 } });
  return { pubsub, forget: (name) => pubsub.disconnect(name) };
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
