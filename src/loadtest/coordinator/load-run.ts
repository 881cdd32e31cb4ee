import { randomBytes } from "node:crypto";
import type { FromWorker, WorkerStatus } from "../link/messages.js";
import type { LoadReport, RunEnd, RunEvent } from "../report/report.js";
import { connectAtMs, type LoadPlan, rampMs } from "../scenario/plan.js";
import { nowUs } from "../wire/clock.js";
import { Collector } from "./collector.js";
import { runHook } from "./hooks.js";
import { makeReport } from "./make-report.js";
import { type JoinAddress, WorkerPool } from "./worker-pool.js";

const pollMs = 50;
const headStartUs = 200_000;
/** Longer than the workers' slowest message, so that all of them know of the last ones. */
const drainMsMin = 600;
const finalMsMax = 20_000;
/** A kill is told to the workers this much earlier, for the messages that were under way then. */
const killLeadUs = 1_000_000;
const pointsMax = 600;

/** Where a run is, for those who watch it. */
export interface LoadProgress {
  readonly phase: "ramp" | "publish" | "settle";
  /** Seconds since the ramp began. */
  readonly atS: number;
  readonly status: WorkerStatus;
  readonly collector: Collector;
}

/** What a run needs besides its plan. */
export interface RunOptions {
  /** Worker processes on this machine. */
  readonly workers: number;
  /** Where those of other machines join. */
  readonly join?: JoinAddress;
  /** Ends the run early, with what there is. */
  readonly signal: AbortSignal;
  onListening?(port: number): void;
  onProgress?(progress: LoadProgress): void;
  onEvent?(event: RunEvent): void;
}

/** Does what a plan says, once. */
export async function runPlan(plan: LoadPlan, options: RunOptions): Promise<LoadReport> {
  const pool = await WorkerPool.start(options.workers, options.join, options.signal, (port) =>
    options.onListening?.(port),
  );
  try {
    return await new LoadRun(plan, options, pool).run();
  } finally {
    pool.close();
  }
}

class LoadRun {
  readonly #plan: LoadPlan;
  readonly #options: RunOptions;
  readonly #pool: WorkerPool;
  readonly #collector: Collector;
  readonly #zeroUs = nowUs();
  readonly #startedAt = new Date().toISOString();
  readonly #events: RunEvent[] = [];
  readonly #hookTimers: NodeJS.Timeout[] = [];
  readonly #hooksUnderWay = new Set<Promise<void>>();
  readonly #lost = new Set<number>();
  readonly #final = new Set<number>();
  #phase: LoadProgress["phase"] = "ramp";
  #joinedAtGo = 0;
  #goUs: number | undefined;
  #publishedUntilUs: number | undefined;

  constructor(plan: LoadPlan, options: RunOptions, pool: WorkerPool) {
    this.#plan = plan;
    this.#options = options;
    this.#pool = pool;
    const { limits, durationMs } = plan;
    const wholeS = (rampMs(plan) + limits.rampMs + durationMs + limits.settleMs) / 1_000;
    this.#collector = new Collector(Math.max(1, Math.ceil(wholeS / pointsMax)));
  }

  async run(): Promise<LoadReport> {
    const { limits } = this.#plan;
    this.#pool.listen({
      onMessage: (worker, message) => this.#onMessage(worker, message),
      onLost: (worker, reason) => this.#onLost(worker, reason),
    });
    this.#begin();
    await this.#until(() => this.#isSettled(), rampMs(this.#plan) + limits.rampMs);
    if (!this.#isBroken() && this.#collector.status().joined > 0) await this.#measure();
    this.#phase = "settle";
    this.#pool.send({ kind: "stop" });
    for (const timer of this.#hookTimers) clearTimeout(timer);
    if (this.#goUs !== undefined) await this.#drain();
    this.#pool.send({ kind: "finish" });
    const finals = () => this.#final.size + this.#lost.size >= this.#pool.workers.length;
    await this.#until(finals, finalMsMax, true);
    await Promise.race([Promise.all(this.#hooksUnderWay), aWhile(drainMsMin)]);
    return this.#report();
  }

  #begin(): void {
    const run = randomBytes(4).toString("hex");
    const workers = this.#pool.workers.length;
    for (let worker = 0; worker < workers; worker++) {
      const order = { kind: "plan", run, worker, workers, zeroUs: this.#zeroUs, plan: this.#plan } as const;
      this.#pool.send(order, worker);
    }
    this.#pool.send({ kind: "ramp", atUs: this.#nowUs() });
    this.#note({ name: `${this.#plan.connections} clients begin to connect`, kind: "phase", result: null });
  }

  async #measure(): Promise<void> {
    const { durationMs, hooks, storms, limits } = this.#plan;
    const goUs = this.#nowUs() + headStartUs;
    this.#goUs = goUs;
    this.#joinedAtGo = this.#collector.status().joined;
    for (const { atMs, disruptive } of hooks) {
      if (!disruptive) continue;
      const atUs = goUs + atMs * 1_000;
      this.#pool.send({ kind: "kill", fromUs: atUs - killLeadUs, toUs: atUs + limits.settleMs * 1_000 });
    }
    this.#pool.send({ kind: "go", atUs: goUs });
    this.#phase = "publish";
    this.#note({ name: `${this.#joinedAtGo} clients have joined`, kind: "phase", result: null });
    for (const hook of hooks) {
      this.#at(goUs + hook.atMs * 1_000, () => {
        const event = { name: hook.name, kind: hook.disruptive ? "kill" : "hook" } as const;
        const atS = this.#nowUs() / 1e6;
        const done = runHook(hook).then((result) => this.#note({ ...event, result }, atS));
        this.#hooksUnderWay.add(done);
        void done.then(() => this.#hooksUnderWay.delete(done));
      });
    }
    for (const { atMs, share } of storms) {
      const name = `${Math.round(share * 100)} % of the clients drop`;
      this.#at(goUs + atMs * 1_000, () => this.#note({ name, kind: "storm", result: null }));
    }
    await this.#until(() => this.#isBroken(), durationMs + headStartUs / 1_000);
    this.#publishedUntilUs = this.#nowUs();
    this.#note({ name: "publishing ends", kind: "phase", result: null });
  }

  async #drain(): Promise<void> {
    const fromMs = performance.now();
    const isDone = () => {
      const waitedMs = performance.now() - fromMs;
      return waitedMs > drainMsMin && this.#collector.status().pending === 0;
    };
    await this.#until(() => isDone() || this.#isLost(), this.#plan.limits.settleMs + drainMsMin, true);
  }

  #nowUs(): number {
    return nowUs() - this.#zeroUs;
  }

  #at(atUs: number, act: () => void): void {
    this.#hookTimers.push(setTimeout(act, Math.max(0, (atUs - this.#nowUs()) / 1_000)));
  }

  #note(event: Omit<RunEvent, "atS">, atS = this.#nowUs() / 1e6): void {
    const whole = { atS, ...event };
    this.#events.push(whole);
    this.#options.onEvent?.(whole);
  }

  /** Everybody has joined, or told that they never will. */
  #isSettled(): boolean {
    const { joined, gone, clients } = this.#collector.status();
    if (this.#isBroken()) return true;
    const isThrough = this.#nowUs() / 1_000 >= connectAtMs(this.#plan, this.#plan.connections - 1);
    return isThrough && clients === this.#plan.connections && joined + gone >= clients;
  }

  #isLost(): boolean {
    return this.#lost.size >= this.#pool.workers.length;
  }

  #isBroken(): boolean {
    return this.#options.signal.aborted || this.#lost.size > 0;
  }

  /** Waits for a condition, but no longer than this. */
  async #until(condition: () => boolean, limitMs: number, evenAborted = false): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    while (!condition() && performance.now() < deadlineMs) {
      if (this.#options.signal.aborted && !evenAborted) return;
      await aWhile(pollMs);
      this.#options.onProgress?.({
        phase: this.#phase,
        atS: this.#nowUs() / 1e6,
        status: this.#collector.status(),
        collector: this.#collector,
      });
    }
  }

  #onMessage(worker: number, message: FromWorker): void {
    if (message.kind === "tick" || message.kind === "final") this.#collector.add(worker, message);
    if (message.kind === "status") this.#collector.setStatus(worker, message.status);
    if (message.kind === "final") this.#final.add(worker);
    if (message.kind !== "relay") return;
    for (let other = 0; other < this.#pool.workers.length; other++) {
      if (other !== worker) this.#pool.send(message, other);
    }
  }

  #onLost(worker: number, reason: string): void {
    if (this.#final.has(worker)) return;
    this.#lost.add(worker);
    this.#note({ name: `worker ${worker} was lost`, kind: "worker", result: reason });
  }

  #end(): RunEnd {
    if (this.#lost.size > 0) return "workers lost";
    if (this.#options.signal.aborted) return "interrupted";
    return this.#goUs === undefined ? "nobody joined" : "done";
  }

  #report(): LoadReport {
    return makeReport({
      plan: this.#plan,
      startedAt: this.#startedAt,
      ended: this.#end(),
      collector: this.#collector,
      pool: this.#pool.workers,
      events: this.#events,
      goUs: this.#goUs,
      publishedUntilUs: this.#publishedUntilUs,
      joinedAtGo: this.#joinedAtGo,
    });
  }
}

function aWhile(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
