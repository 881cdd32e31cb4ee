import { randomBytes } from "node:crypto";
import type { Balancer, BalancerServer } from "../../contracts/balancer.js";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { SimurghError } from "../../runtime/errors.js";
import type { NodeRow } from "../control/messages.js";
import type { ChosenEngine } from "../engine/choose-engine.js";
import { freePorts, loopback } from "../support/ports.js";
import { pause } from "../support/within.js";
import type { NodePlan } from "./node-process.js";
import { Worker, type WorkerLimits } from "./worker.js";

/** What a fleet is made of. */
export interface FleetOptions {
  /** Absolute path of the application. */
  readonly app: string;
  readonly size: number;
  /** What the nodes prove to each other; a random one when undefined. */
  readonly secret: string | undefined;
  /** How they find nodes of other fleets, as `simurgh node` is told. */
  readonly discover: readonly string[];
  readonly logLevel: string;
  readonly engine: Pick<ChosenEngine, "choice" | "env">;
  readonly balancer: Balancer;
  /** The address at which the door is tried before the fleet counts as ready. */
  readonly door: { readonly host: string; readonly port: number };
  /** Lines of the nodes and about them. */
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

const limits: WorkerLimits = {
  firstMs: 100,
  maxMs: 10_000,
  stableMs: 10_000,
  startMsMax: 30_000,
  stopMsMax: 40_000,
};

/** The share of each node in new connections: all alike, with room to both sides. */
const weight = 100;
const doorMsMax = 10_000;
const doorPollMs = 25;
const updateRetryMs = 1_000;

/** N nodes behind one door, kept alive. */
export class Fleet {
  readonly #options: FleetOptions;
  #workers: readonly Worker[] = [];
  /** The port that the balancer sends each node's connections to. */
  readonly #ports = new Map<string, number>();
  #started: Promise<void> = Promise.resolve();
  #balancing = false;
  #stopping = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Resolves when every node is ready and the door answers. */
  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const plans = await this.#plan();
    if (this.#stopping) return;
    this.#workers = plans.map((plan) => this.#worker(plan));
    await Promise.all(this.#workers.map((worker) => worker.start()));
    if (this.#stopping) return;
    const servers = plans.map(({ name, port }) => this.#server(name, this.#ports.get(name) ?? port));
    await this.#options.balancer.start(servers);
    this.#balancing = true;
    // A node may have moved while the balancer was starting.
    for (const { name, address } of servers) {
      const port = this.#ports.get(name) ?? address.port;
      if (port !== address.port) void this.#update(this.#server(name, port));
    }
    await this.#untilDoorAnswers();
  }

  /** The nodes as they are now. */
  nodes(): Promise<NodeRow[]> {
    return Promise.all(this.#workers.map((worker) => worker.row()));
  }

  /** Ends the nodes, then the balancer. `hurry` cuts short what takes time. */
  async stop(hurry: Promise<void>): Promise<void> {
    this.#stopping = true;
    void hurry.then(() => {
      for (const worker of this.#workers) worker.kill();
    });
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    // Without nodes a start under way ends soon; a balancer must not begin after it was stopped.
    await this.#started.catch(() => {});
    await this.#options.balancer.stop();
  }

  async #plan(): Promise<NodePlan[]> {
    const { app, size, discover, logLevel } = this.#options;
    const { choice: engine, env } = this.#options.engine;
    const secret = this.#options.secret ?? randomBytes(32).toString("base64url");
    const ports = await freePorts(size * 2);
    // Fleets that meet must not have two nodes of one name.
    const mark = discover.length > 0 ? `-${randomBytes(3).toString("hex")}` : "";
    const places = Array.from({ length: size }, (_, index) => ({
      name: `n${index + 1}${mark}@${loopback}`,
      port: ports[index * 2] ?? 0,
      meshPort: ports[index * 2 + 1] ?? 0,
    }));
    return places.map((place) => {
      const others = places.filter((other) => other !== place);
      const peers = others.map((other) => `${other.name}:${other.meshPort}`);
      return { ...place, app, peers, discover, secret, logLevel, engine, env };
    });
  }

  #worker(plan: NodePlan): Worker {
    const { out, err } = this.#options;
    return new Worker(plan, limits, {
      told: (line) => out(`${plan.name} ${line}`),
      out: (line) => out(`${plan.name} | ${line}`),
      err: (line) => err(`${plan.name} | ${line}`),
      ready: (port) => {
        const before = this.#ports.get(plan.name);
        this.#ports.set(plan.name, port);
        if (this.#balancing && port !== before) void this.#update(this.#server(plan.name, port));
      },
    });
  }

  #server(name: string, port: number): BalancerServer {
    return { name, address: { host: loopback, port }, weight };
  }

  /** Tells the balancer that a node has moved, until it listens or the node has moved on. */
  async #update(server: BalancerServer): Promise<void> {
    const isCurrent = () => !this.#stopping && this.#ports.get(server.name) === server.address.port;
    while (isCurrent()) {
      try {
        return await this.#options.balancer.update(server);
      } catch (error) {
        this.#options.err(`${server.name} the balancer does not follow: ${String(error)}`);
        await pause(updateRetryMs);
      }
    }
  }

  async #untilDoorAnswers(): Promise<void> {
    const deadlineMs = performance.now() + doorMsMax;
    while (!this.#stopping && performance.now() < deadlineMs) {
      const answer = await probe(this.#options.door, "/ready", doorMsMax);
      if (typeof answer !== "string" && answer.status === 200) return;
      await pause(doorPollMs);
    }
    if (this.#stopping) return;
    throw new SimurghError("balancer_start_failed", `the door gave no answer within ${doorMsMax / 1000} s`);
  }
}
