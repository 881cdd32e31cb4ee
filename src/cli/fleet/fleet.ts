import { randomBytes } from "node:crypto";
import type { Balancer } from "../../contracts/balancer.js";
import type { NodeReport } from "../../core/autoscale/signal.js";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { NODE_HEADER } from "../../edges/transports/node-http.js";
import { SimurghError } from "../../runtime/errors.js";
import type { NodeRow } from "../control/messages.js";
import type { ChosenEngine } from "../engine/choose-engine.js";
import { freePorts, loopback } from "../support/ports.js";
import { doorAnswers, doorMsMax } from "./door-answers.js";
import type { NodePlan } from "./node-process.js";
import { Placing } from "./placing.js";
import { type Departure, Worker, type WorkerLimits } from "./worker.js";

/** What a fleet is made of. */
export interface FleetOptions {
  /** Absolute path of the application. */
  readonly app: string;
  readonly size: number;
  /** What the nodes prove to each other; a random one when undefined. */
  readonly secret: string | undefined;
  /** How they find nodes of other fleets, as `simurgh node` is told. */
  readonly discover: readonly string[];
  /** Seconds that a node's clients may take when a signal ends it. */
  readonly drainTimeout: number;
  readonly logLevel: string;
  readonly engine: Pick<ChosenEngine, "choice" | "env">;
  readonly balancer: Balancer;
  /** The address at which the door is tried before the fleet counts as ready. */
  readonly door: { readonly host: string; readonly port: number };
  /** Lines of the nodes and about them. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** How a new node of a fleet that runs may differ from the others. */
export interface AddOptions {
  /** Absolute path of the application. Default: the fleet's. */
  readonly app?: string;
  /** How long it may take until it is ready. Default 30 s. */
  readonly startMsMax?: number;
}

/** How a node is to go. */
export interface DrainNodeOptions {
  /** Within this its clients are sent away; what is left then is closed at once. */
  readonly limitMs: number;
  /** Also when no other node is ready. */
  readonly force?: boolean;
}

const limits: WorkerLimits = {
  firstMs: 100,
  maxMs: 10_000,
  stableMs: 10_000,
  startMsMax: 30_000,
  stopMsMax: 12_000,
};

/** Nodes behind one door, kept alive; they may be added and taken away while it runs. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #placing: Placing;
  readonly #workers: Worker[] = [];
  readonly #departures = new Map<Worker, Promise<Departure>>();
  readonly #secret: string;
  /** Fleets that meet must not have two nodes of one name. */
  readonly #mark: string;
  /** What new nodes run. */
  app: string;
  /** How many nodes there have been: no name is given twice. */
  #named = 0;
  #started: Promise<void> = Promise.resolve();
  #stopping = false;
  #isUp = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.app = options.app;
    this.#placing = new Placing(options.balancer, options.err);
    this.#secret = options.secret ?? randomBytes(32).toString("base64url");
    this.#mark = options.discover.length > 0 ? `-${randomBytes(3).toString("hex")}` : "";
  }

  /** Resolves when every node is ready and the door answers. */
  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const ports = await freePorts(this.#options.size * 2);
    if (this.#stopping) return;
    const workers = Array.from({ length: this.#options.size }, () =>
      this.#newWorker(ports.splice(0, 2), this.app, limits),
    );
    await Promise.all(workers.map((worker) => worker.start()));
    if (this.#stopping) return;
    await this.#placing.begin();
    await this.#untilDoorAnswers();
    this.#isUp = true;
  }

  /** Whether the fleet has started and does not end: only then it takes orders. */
  get isUp(): boolean {
    return this.#isUp && !this.#stopping;
  }

  /** The names of the nodes in the order in which they were added. */
  get names(): readonly string[] {
    return this.#workers.map(({ name }) => name);
  }

  /** Whether nodes are on their way out. */
  get isDraining(): boolean {
    return this.#departures.size > 0;
  }

  /** The nodes as they are now. */
  rows(): Promise<NodeRow[]> {
    return Promise.all(this.#workers.map((worker) => worker.row()));
  }

  /** One node as it is now; undefined when the fleet has none of that name. */
  row(name: string): Promise<NodeRow | undefined> {
    return Promise.resolve(this.#workers.find((worker) => worker.name === name)?.row());
  }

  /** What the nodes said of themselves last. */
  reports(): NodeReport[] {
    return this.#workers.map((worker) => worker.report());
  }

  /** Resolves with the reason when the process that a node is now has ended. */
  gone(name: string): Promise<string> {
    return this.#find(name).gone;
  }

  /**
   * Starts one more node. Resolves with its name when it is ready and the balancer is told of it; rejects with
   * `fleet_start_failed`, and then the fleet is without it. `onName` is called with its name before it starts.
   */
  async addNode(options: AddOptions = {}, onName: (name: string) => void = () => {}): Promise<string> {
    const { app = this.app, startMsMax = limits.startMsMax } = options;
    const worker = this.#newWorker(await this.#newPorts(), app, { ...limits, startMsMax });
    onName(worker.name);
    try {
      if (this.#stopping) throw refused("the fleet ends");
      await worker.start();
      return worker.name;
    } catch (error) {
      this.#remove(worker);
      throw error;
    }
  }

  /**
   * Has a node send its clients away and go for good. Resolves when it is gone, or its drain was called off. A node
   * that drains already is waited for. Throws `fleet_node_unknown`, or `fleet_order_refused` for the last one that is
   * ready.
   */
  drainNode(name: string, { limitMs, force = false }: DrainNodeOptions): Promise<Departure> {
    const worker = this.#find(name);
    const under = this.#departures.get(worker);
    if (under !== undefined) return under;
    const others = this.#workers.filter((other) => other !== worker && other.stage === "ready");
    if (others.length === 0 && !force) {
      throw refused(`without ${name} no node would be ready; with --force it is drained nevertheless`);
    }
    const departure = this.#depart(worker, limitMs).finally(() => this.#departures.delete(worker));
    this.#departures.set(worker, departure);
    return departure;
  }

  async #depart(worker: Worker, limitMs: number): Promise<Departure> {
    const { out } = this.#options;
    out(`${worker.name} drains`);
    const departure = await worker.drain(limitMs);
    if (departure.how === "kept") {
      out(`${worker.name} stays: its drain was called off`);
      return departure;
    }
    this.#remove(worker);
    // To no end when the balancer does not answer: it is asked again, and knows by its checks that the node is gone.
    void this.#placing.take(worker.name);
    out(`${worker.name} is gone: ${departure.how} (${departure.reason})`);
    return departure;
  }

  /** Calls the drain of a node off. Rejects with `fleet_node_unknown`, or with `drain_failed` when there was none. */
  async cancelDrain(name: string): Promise<void> {
    const worker = this.#find(name);
    if (worker.stage !== "draining") throw new SimurghError("drain_failed", `${name} does not drain`);
    if (!(await worker.cancelDrain())) {
      throw new SimurghError(
        "drain_failed",
        `${name} could not be kept: it is gone, or its drain too far on`,
      );
    }
  }

  /** Ends a node at once, for good. */
  async dropNode(name: string): Promise<void> {
    const worker = this.#find(name);
    this.#placing.welcome(name, false);
    await worker.stop();
    this.#remove(worker);
    void this.#placing.take(name);
  }

  /** Whether a node is ready and stays. */
  isServing(name: string): boolean {
    return this.#workers.some((worker) => worker.name === name && worker.stage === "ready");
  }

  /**
   * Waits until the door answers by this node. An application that keeps its own HTTP server may not name the node; then
   * any answer will do. Rejects with `balancer_start_failed`.
   */
  async untilDoorSendsTo(name: string): Promise<void> {
    const port = (await this.#find(name).row()).port ?? 0;
    const answer = await probe({ host: loopback, port }, "/ready", doorMsMax);
    const isNamed = typeof answer !== "string" && answer.headers[NODE_HEADER] === name;
    await this.#untilDoorAnswers(isNamed ? name : undefined);
  }

  async #untilDoorAnswers(node?: string): Promise<void> {
    const answered = await doorAnswers(this.#options.door, () => this.#stopping, node);
    if (answered || this.#stopping) return;
    const by = node === undefined ? "" : ` by ${node}`;
    throw new SimurghError(
      "balancer_start_failed",
      `the door gave no answer${by} within ${doorMsMax / 1000} s`,
    );
  }

  /** Ends the nodes at once, in good order, then the balancer. `hurry` cuts short what takes time. */
  async stop(hurry: Promise<void>): Promise<void> {
    this.#stopping = true;
    void hurry.then(() => {
      for (const worker of this.#workers) worker.kill();
    });
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    // Without nodes a start under way ends soon; a balancer must not begin after it was stopped.
    await this.#started.catch(() => {});
    await this.#placing.end();
  }

  #find(name: string): Worker {
    const worker = this.#workers.find((known) => known.name === name);
    if (worker !== undefined) return worker;
    const known = this.names.length === 0 ? "it has none" : `it has ${this.names.join(", ")}`;
    throw new SimurghError("fleet_node_unknown", `the fleet has no node ${name}; ${known}`);
  }

  #remove(worker: Worker): void {
    const index = this.#workers.indexOf(worker);
    if (index >= 0) this.#workers.splice(index, 1);
    for (const other of this.#workers) other.forget(worker.name);
  }

  /** A node that is down has its ports still. */
  async #newPorts(): Promise<number[]> {
    const taken = new Set(this.#workers.flatMap(({ plan }) => [plan.port, plan.meshPort]));
    for (;;) {
      const ports = await freePorts(2);
      if (!ports.some((port) => taken.has(port))) return ports;
    }
  }

  #newWorker([port = 0, meshPort = 0]: readonly number[], app: string, bounds: WorkerLimits): Worker {
    const { discover, drainTimeout, logLevel, out, err } = this.#options;
    const { choice: engine, env } = this.#options.engine;
    this.#named += 1;
    const name = `n${this.#named}${this.#mark}@${loopback}`;
    const peers = () =>
      this.#workers.flatMap(({ plan }) => (plan.name === name ? [] : [`${plan.name}:${plan.meshPort}`]));
    const secret = this.#secret;
    const ports = { port, meshPort, peers, discover };
    const plan: NodePlan = { name, app, ...ports, drainTimeout, secret, logLevel, engine, env };
    const worker = new Worker(plan, bounds, {
      told: (line) => out(`${name} ${line}`),
      out: (line) => out(`${name} | ${line}`),
      err: (line) => err(`${name} | ${line}`),
      ready: (at) => this.#placing.put(name, at),
      draining: (isDraining) => this.#placing.welcome(name, !isDraining),
    });
    this.#workers.push(worker);
    return worker;
  }
}

function refused(message: string): SimurghError {
  return new SimurghError("fleet_order_refused", message);
}
