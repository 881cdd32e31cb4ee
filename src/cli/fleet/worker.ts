import type { ChildProcess } from "node:child_process";
import type { NodeReport, NodeStage, SignalValues } from "../../core/autoscale/signal.js";
import { probe } from "../../edges/balancer/embedded/probe.js";
import { SimurghError } from "../../runtime/errors.js";
import type { NodeRow } from "../control/messages.js";
import { loopback } from "../support/ports.js";
import { pause, within } from "../support/within.js";
import { type BackoffLimits, createBackoff } from "./backoff.js";
import type { NodeMessage } from "./messages.js";
import { giveOrder, type NodeOutput, type NodePlan, onNodeMessage, spawnNode } from "./node-process.js";

/** Bounds of the life of a node. */
export interface WorkerLimits extends BackoffLimits {
  /** From the start of the process until `/ready` answers 200. */
  readonly startMsMax: number;
  /** From the wish to end, or the end of a drain's time, until the process is killed. */
  readonly stopMsMax: number;
}

/** What a {@link Worker} tells the fleet. */
export interface WorkerEvents extends NodeOutput {
  /** One line about the node's life. */
  told(line: string): void;
  /** The node is ready, for the first time or again, maybe at another port. */
  ready(port: number): void;
  /** The node began to drain, by whosever wish, or its drain was called off. */
  draining(isDraining: boolean): void;
}

/**
 * How a drain came out. `drained`: the node sent its clients away and is gone. `down`: there was no process to drain.
 * `died`: the process ended by itself before that. `killed`: it did not end in time. `kept`: the drain was called off.
 */
export interface Departure {
  readonly how: "drained" | "down" | "died" | "killed" | "kept";
  /** How the process ended. */
  readonly reason: string;
}

/** What a node said of itself last. */
interface Told {
  readonly atMs: number;
  readonly values: SignalValues;
}

const readyPollMs = 25;
const healthMsMax = 1_000;
/** How long a node may take to say that it does not drain any more. */
const cancelMsMax = 5_000;

/** One node of the fleet: the process that is it now, and the next one when that dies. */
export class Worker {
  readonly plan: NodePlan;
  readonly #limits: WorkerLimits;
  readonly #events: WorkerEvents;
  readonly #nextDelay: (livedMs: number) => number;
  #child: ChildProcess | undefined;
  #gone: Promise<string> = Promise.resolve("not started");
  #port: number | undefined;
  #failure = "";
  #wasReady = false;
  #stage: NodeStage = "starting";
  #told: Told | undefined;
  /** It is to go for good: it is not started again. */
  #leaving = false;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #onKept: () => void = () => {};
  #onBack: () => void = () => {};

  constructor(plan: NodePlan, limits: WorkerLimits, events: WorkerEvents) {
    this.plan = plan;
    this.#limits = limits;
    this.#events = events;
    this.#nextDelay = createBackoff(limits);
  }

  get name(): string {
    return this.plan.name;
  }

  /** A node that is down is about to start. */
  get stage(): NodeStage {
    return this.#leaving ? "draining" : this.#stage;
  }

  /** Resolves with the reason when the process that the node is now has ended. */
  get gone(): Promise<string> {
    return this.#gone;
  }

  /** Starts the node. Resolves when it is ready; rejects with `fleet_start_failed` when it does not come to that. */
  async start(): Promise<void> {
    if (await this.#launch()) return;
    await this.#gone;
    const why = this.#leaving ? "it was sent away before it was ready" : this.#failure;
    throw new SimurghError("fleet_start_failed", `${this.name} did not start: ${why}`);
  }

  /** The node as it is now; asks the node itself. */
  async row(): Promise<NodeRow> {
    const port = this.#port;
    const { name, stage } = this;
    const row = { name, pid: this.#child?.pid ?? null, port: port ?? null, stage };
    if (this.#child === undefined || port === undefined) return { ...row, connections: 0, ready: false };
    const answer = await probe({ host: loopback, port }, "/health", healthMsMax);
    if (typeof answer === "string") return { ...row, connections: 0, ready: false };
    return { ...row, ...readHealth(answer.body) };
  }

  /** What the node said of itself last, for those who decide about the size of the fleet. */
  report(): NodeReport {
    const { name, stage } = this;
    if (this.#told === undefined || this.#child === undefined) return { name, stage };
    return { name, stage, measuredAtMs: this.#told.atMs, values: this.#told.values };
  }

  /** Has the node send its clients away, within `limitMs`, and go for good. Resolves when the process is gone. */
  async drain(limitMs: number): Promise<Departure> {
    this.#leaving = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return { how: "down", reason: "not running" };
    const kept = new Promise<void>((resolve) => {
      this.#onKept = resolve;
    });
    if (!giveOrder(child, { type: "simurgh:drain", limitMs })) child.kill("SIGTERM");
    this.#events.draining(true);
    const settled = Promise.race([this.#gone, kept]);
    if (!(await within(limitMs + this.#limits.stopMsMax, settled))) {
      child.kill("SIGKILL");
      await this.#gone;
      return { how: "killed", reason: `it did not end within ${limitMs / 1000} s and was killed` };
    }
    if (!this.#leaving) return { how: "kept", reason: "called off" };
    const reason = await this.#gone;
    return { how: reason === cleanExit ? "drained" : "died", reason };
  }

  /** Tells the node that another one has gone for good. */
  forget(name: string): void {
    if (this.#child !== undefined) giveOrder(this.#child, { type: "simurgh:gone", name });
  }

  /** Calls the drain off. False: there was none, or it was too late. */
  async cancelDrain(): Promise<boolean> {
    const child = this.#child;
    if (child === undefined || this.stage !== "draining" || this.#stopping) return false;
    const back = new Promise<boolean>((resolve) => {
      this.#onBack = () => resolve(true);
      void this.#gone.then(() => resolve(false));
    });
    if (!giveOrder(child, { type: "simurgh:cancel" }) || !(await within(cancelMsMax, back))) return false;
    if (!(await back)) return false;
    this.#leaving = false;
    this.#onKept();
    return true;
  }

  /** Ends the node now, in good order, and by force when it takes too long. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    if (!giveOrder(child, { type: "simurgh:stop" })) child.kill("SIGTERM");
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
    this.#stage = "starting";
    this.#told = undefined;
    const listening = new Promise<void>((resolve) => {
      onNodeMessage(child, (message) => this.#onMessage(message, resolve));
    });
    this.#gone = new Promise((resolve) => {
      const end = (reason: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        resolve(reason);
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
    } else if (message.type === "simurgh:listening") {
      this.#port = message.port;
      onListening();
    } else {
      this.#told = { atMs: performance.now(), values: message.values };
      this.#onStage(message.stage);
    }
  }

  #onStage(stage: NodeStage): void {
    if (stage === "draining" && this.#stage !== "draining") {
      this.#stage = "draining";
      // An order of ours was told already.
      if (!this.#leaving) this.#events.draining(true);
    }
    if (stage === "ready" && this.#stage === "draining") {
      this.#stage = "ready";
      this.#events.draining(false);
      this.#onBack();
    }
  }

  /** Waits for `/ready` to answer 200. False: the process was gone before that. */
  async #untilReady(child: ChildProcess): Promise<boolean> {
    for (; this.#child === child && this.#port !== undefined; await pause(readyPollMs)) {
      const port = this.#port;
      const answer = await probe({ host: loopback, port }, "/ready", healthMsMax);
      if (typeof answer === "string" || answer.status !== 200 || this.#child !== child) continue;
      this.#wasReady = true;
      if (this.#stage === "starting") this.#stage = "ready";
      this.#events.told(`is ready at http://${loopback}:${port}`);
      this.#events.ready(port);
      return true;
    }
    return false;
  }

  #onEnd(reason: string, livedMs: number): void {
    this.#failure = this.#failure === "" ? reason : `${this.#failure} (${reason})`;
    const wasDraining = this.#stage === "draining";
    this.#stage = "starting";
    if (this.#stopping) return this.#events.told("has ended");
    // A node that never was ready will not be the next time either: `start` rejects. Of one that leaves the fleet tells.
    if (!this.#wasReady || this.#leaving) return;
    const delayMs = this.#nextDelay(livedMs);
    const how = wasDraining && reason === cleanExit ? "was ended by a signal" : `died: ${this.#failure}`;
    this.#events.told(`${how}; it is started again in ${delayMs / 1000} s`);
    this.#restart = setTimeout(() => void this.#launch(), delayMs);
  }
}

const cleanExit = "exit code 0";

/** Reads the body of `/health`. What is missing counts as nothing and not ready. */
function readHealth(body: string): { connections: number; ready: boolean } {
  try {
    const { connections, ready }: { connections?: unknown; ready?: unknown } = JSON.parse(body);
    return { connections: typeof connections === "number" ? connections : 0, ready: ready === true };
  } catch {
    return { connections: 0, ready: false };
  }
}
