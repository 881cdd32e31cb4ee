import type { AutoscaleAction, FleetView } from "./decide.js";
import type { NodeReport, NodeStage } from "./signal.js";
import type { FleetModel, SimulatedStep } from "./simulate.js";

interface ModelNode {
  readonly name: string;
  stage: NodeStage;
  /** When a starting node is ready, or a draining one gone. */
  untilMs: number;
  connections: number;
}

/** A fleet without machines: nodes that start, fill, drain and die as the model says. */
export class ModelFleet {
  readonly #model: FleetModel;
  #nodes: ModelNode[] = [];
  #made = 0;

  constructor(model: FleetModel, nodes: number) {
    this.#model = model;
    this.#start(nodes, 0);
    for (const node of this.#nodes) node.stage = "ready";
  }

  /** The given number of ready nodes are no more; their clients are outside. */
  lose(nodes: number): void {
    const lost = this.#nodes.filter(({ stage }) => stage === "ready").slice(0, nodes);
    this.#nodes = this.#nodes.filter((node) => !lost.includes(node));
  }

  /** Lets `stepMs` pass until `nowMs`, while `wanted` clients want to be in. */
  advance(nowMs: number, stepMs: number, wanted: number): void {
    for (const node of this.#nodes) {
      if (node.stage === "starting" && node.untilMs <= nowMs) node.stage = "ready";
      if (node.stage === "draining") shed(node, nowMs, stepMs);
    }
    this.#nodes = this.#nodes.filter((node) => node.stage !== "draining" || node.untilMs > nowMs);
    this.#leave(this.#held() - wanted);
    this.#enter(wanted - this.#held(), stepMs);
  }

  /** Does what was decided. */
  obey(action: AutoscaleAction, nowMs: number): void {
    if (action.kind === "add") this.#start(action.count, nowMs);
    if (action.kind === "keep") {
      for (const node of this.#nodes) if (action.names.includes(node.name)) node.stage = "ready";
      this.#start(action.add, nowMs);
    }
    if (action.kind === "drain") {
      const node = this.#nodes.find(({ name }) => name === action.name);
      if (node === undefined) return;
      node.stage = "draining";
      node.untilMs = nowMs + this.#model.drainMs;
    }
  }

  /** What the one who decides sees; the first `blind` nodes cannot be measured. */
  view(nowMs: number, blind: number): FleetView {
    const nodes = this.#nodes.map((node, at): NodeReport => {
      const { name, stage, connections } = node;
      if (stage === "starting" || at < blind) return { name, stage };
      const eventLoop = Math.min(1, connections * this.#model.eventLoopPerConnection);
      return { name, stage, measuredAtMs: nowMs, values: { connections, eventLoop } };
    });
    const recallable = this.#nodes.filter(({ stage }) => stage === "draining").map(({ name }) => name);
    return { nowMs, nodes, recallable };
  }

  /** The figures of this moment. */
  figures(wanted: number): Omit<SimulatedStep, "atMs" | "wanted" | "decision"> {
    const count = (stage: NodeStage) => this.#nodes.filter((node) => node.stage === stage).length;
    const held = this.#held();
    const ready = this.#ready();
    const used = ready.reduce((sum, { connections }) => sum + connections, 0);
    return {
      held,
      refused: Math.max(0, wanted - held),
      starting: count("starting"),
      ready: ready.length,
      draining: count("draining"),
      utilisation: ready.length === 0 ? 0 : used / (ready.length * this.#model.connectionsMax),
    };
  }

  #start(count: number, nowMs: number): void {
    for (let left = count; left > 0; left -= 1) {
      this.#made += 1;
      const untilMs = nowMs + this.#model.startMs;
      this.#nodes.push({ name: `n${this.#made}`, stage: "starting", untilMs, connections: 0 });
    }
  }

  #ready(): ModelNode[] {
    return this.#nodes.filter(({ stage }) => stage === "ready");
  }

  #held(): number {
    return this.#nodes.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** So many clients go, from every node in proportion. */
  #leave(clients: number): void {
    const held = this.#held();
    let left = Math.min(held, Math.max(0, clients));
    const share = held === 0 ? 0 : left / held;
    for (const node of this.#nodes) {
      const gone = Math.min(left, node.connections, Math.ceil(node.connections * share));
      node.connections -= gone;
      left -= gone;
    }
  }

  /** So many clients come, each to the emptiest node, as fast as the nodes can take them. */
  #enter(clients: number, stepMs: number): void {
    const ready = this.#ready();
    const room = (node: ModelNode) => Math.max(0, this.#model.connectionsMax - node.connections);
    const pace = Math.floor((this.#model.acceptsPerSecond * stepMs) / 1_000);
    const limits = new Map(ready.map((node) => [node, node.connections + Math.min(room(node), pace)]));
    let left = Math.max(0, clients);
    while (left > 0) {
      const open = ready.filter((node) => node.connections < (limits.get(node) ?? 0));
      const emptiest = Math.min(...open.map(({ connections }) => connections));
      const lowest = open.filter(({ connections }) => connections === emptiest);
      if (lowest.length === 0) return;
      const next = Math.min(
        ...open.filter(({ connections }) => connections > emptiest).map(({ connections }) => connections),
        ...lowest.map((node) => limits.get(node) ?? 0),
      );
      const each = Math.min(next - emptiest, Math.max(1, Math.floor(left / lowest.length)));
      for (const node of lowest) {
        const come = Math.min(each, left);
        node.connections += come;
        left -= come;
      }
    }
  }
}

/** Sends away the part of its clients that is due, so that none is left at the end of the drain. */
function shed(node: ModelNode, nowMs: number, stepMs: number): void {
  const leftMs = node.untilMs - (nowMs - stepMs);
  const share = leftMs <= stepMs ? 1 : stepMs / leftMs;
  node.connections -= Math.ceil(node.connections * share);
}
