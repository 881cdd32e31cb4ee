import type { ChildProcess } from "node:child_process";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { SimurghError } from "../../runtime/errors.js";
import type { NodeRow } from "../control/messages.js";
import { loopback } from "../support/ports.js";
import { pause, within } from "../support/within.js";
import { type BackoffLimits, createBackoff } from "./backoff.js";
import type { NodeMessage } from "./messages.js";
import { type NodeOutput, type NodePlan, onNodeMessage, spawnNode } from "./node-process.js";

/** Bounds of the life of a node. */
export interface WorkerLimits extends BackoffLimits {
  /** From the start of the process until `/ready` answers 200. */
  readonly startMsMax: number;
  /** From the wish to end until the process is killed. */
  readonly stopMsMax: number;
}

/** What a {@link Worker} tells the fleet. */
export interface WorkerEvents extends NodeOutput {
  /** One line about the node's life. */
  told(line: string): void;
  /** The node is ready, for the first time or again, maybe at another port. */
  ready(port: number): void;
}

const readyPollMs = 25;
const healthMsMax = 1_000;

/** One node of the fleet: the process that is it now, and the next one when that dies. */
export class Worker {
  readonly plan: NodePlan;
  readonly #limits: WorkerLimits;
  readonly #events: WorkerEvents;
  readonly #nextDelay: (livedMs: number) => number;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #port: number | undefined;
  #failure = "";
  #wasReady = false;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(plan: NodePlan, limits: WorkerLimits, events: WorkerEvents) {
    this.plan = plan;
    this.#limits = limits;
    this.#events = events;
    this.#nextDelay = createBackoff(limits);
  }

  /** Starts the node. Resolves when it is ready; rejects with `fleet_start_failed` when it does not come to that. */
  async start(): Promise<void> {
    if (await this.#launch()) return;
    await this.#gone;
    throw new SimurghError("fleet_start_failed", `${this.plan.name} did not start: ${this.#failure}`);
  }

  /** The node as it is now; asks the node itself. */
  async row(): Promise<NodeRow> {
    const port = this.#port;
    const row = { name: this.plan.name, pid: this.#child?.pid ?? null, port: port ?? null };
    if (this.#child === undefined || port === undefined) return { ...row, connections: 0, ready: false };
    const answer = await probe({ host: loopback, port }, "/health", healthMsMax);
    if (typeof answer === "string") return { ...row, connections: 0, ready: false };
    return { ...row, ...readHealth(answer.body) };
  }

  /** Ends the node in good order, and by force when it takes too long. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    child.kill("SIGTERM");
    if (await within(this.#limits.stopMsMax, this.#gone)) return;
    this.#events.told(`did not end within ${this.#limits.stopMsMax / 1000} s and is killed`);
    child.kill("SIGKILL");
    await this.#gone;
  }

  /** After `stop`: no time is left. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** One life of the node. Resolves with whether it became ready. */
  async #launch(): Promise<boolean> {
    const startedMs = performance.now();
    const child = spawnNode({ ...this.plan, port: this.#port ?? this.plan.port }, this.#events);
    this.#child = child;
    this.#failure = "";
    const listening = new Promise<void>((resolve) => {
      onNodeMessage(child, (message) => this.#onMessage(message, resolve));
    });
    this.#gone = new Promise((resolve) => {
      const end = (reason: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        resolve();
        this.#onEnd(reason, performance.now() - startedMs);
      };
      child.on("exit", (code, signal) => end(signal ?? `exit code ${code}`));
      child.on("error", (error) => {
        // One with a process id runs: that a signal did not reach it is no end.
        if (child.pid === undefined) end(error.message);
      });
    });
    const { engine, meshPort } = this.plan;
    const by = engine === "mesh" ? `mesh ${loopback}:${meshPort}` : engine;
    this.#events.told(`starts (pid ${child.pid}, ${by})`);
    const settled = Promise.race([listening, this.#gone]).then(() => this.#untilReady(child));
    if (await within(this.#limits.startMsMax, settled)) return settled;
    this.#failure = `not ready within ${this.#limits.startMsMax / 1000} s`;
    child.kill("SIGKILL");
    return false;
  }

  #onMessage(message: NodeMessage, onListening: () => void): void {
    if (message.type === "simurgh:failed") {
      this.#failure = message.message;
      return;
    }
    this.#port = message.port;
    onListening();
  }

  /** Waits for `/ready` to answer 200. False: the process was gone before that. */
  async #untilReady(child: ChildProcess): Promise<boolean> {
    for (; this.#child === child && this.#port !== undefined; await pause(readyPollMs)) {
      const port = this.#port;
      const answer = await probe({ host: loopback, port }, "/ready", healthMsMax);
      if (typeof answer === "string" || answer.status !== 200 || this.#child !== child) continue;
      this.#wasReady = true;
      this.#events.told(`is ready at http://${loopback}:${port}`);
      this.#events.ready(port);
      return true;
    }
    return false;
  }

  #onEnd(reason: string, livedMs: number): void {
    this.#failure = this.#failure === "" ? reason : `${this.#failure} (${reason})`;
    if (this.#stopping) return this.#events.told("has ended");
    // A node that never was ready will not be the next time either: `start` rejects.
    if (!this.#wasReady) return;
    const delayMs = this.#nextDelay(livedMs);
    this.#events.told(`died: ${this.#failure}; it is started again in ${delayMs / 1000} s`);
    this.#restart = setTimeout(() => void this.#launch(), delayMs);
  }
}

/** Reads the body of `/health`. What is missing counts as nothing and not ready. */
function readHealth(body: string): { connections: number; ready: boolean } {
  try {
    const { connections, ready }: { connections?: unknown; ready?: unknown } = JSON.parse(body);
    return { connections: typeof connections === "number" ? connections : 0, ready: ready === true };
  } catch {
    return { connections: 0, ready: false };
  }
}
