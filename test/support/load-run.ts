import { Collector } from "../../src/loadtest/coordinator/collector.js";
import type { FromWorker, ToWorker } from "../../src/loadtest/link/messages.js";
import { parseScenario } from "../../src/loadtest/scenario/parse-scenario.js";
import type { LoadPlan } from "../../src/loadtest/scenario/plan.js";
import type { LoadScenario } from "../../src/loadtest/scenario/scenario.js";
import { nowUs } from "../../src/loadtest/wire/clock.js";
import { LoadWorker } from "../../src/loadtest/worker/load-worker.js";
import { until } from "./wait.js";

/** The plan of a scenario that is right. */
export function planOf(scenario: LoadScenario): LoadPlan {
  const plan = parseScenario(scenario);
  if (Array.isArray(plan)) throw new Error(JSON.stringify(plan));
  return plan;
}

/** Tests wait for what workers tell, so these tell more often than usual. */
const tickMs = 100;

/** Several workers in this process, told of each other without sockets. */
export class LoadHarness {
  readonly collector = new Collector(1);
  readonly #workers: LoadWorker[];
  readonly #zeroUs = nowUs();
  readonly #plan: LoadPlan;

  constructor(scenario: LoadScenario, workers = 2) {
    this.#plan = planOf(scenario);
    this.#workers = Array.from({ length: workers }, (_, worker) => {
      const order = {
        kind: "plan",
        run: "t3st",
        worker,
        workers,
        zeroUs: this.#zeroUs,
        plan: this.#plan,
      } as const;
      return new LoadWorker(order, this.nowUs, (message) => this.#onMessage(worker, message), tickMs);
    });
    this.send({ kind: "ramp", atUs: this.nowUs() });
  }

  readonly nowUs = () => nowUs() - this.#zeroUs;

  /** Tells all workers. */
  send(message: ToWorker): void {
    for (const worker of this.#workers) worker.handle(JSON.parse(JSON.stringify(message)));
  }

  #onMessage(from: number, message: FromWorker): void {
    if (message.kind === "tick" || message.kind === "final") this.collector.add(from, message);
    if (message.kind === "status") this.collector.setStatus(from, message.status);
    if (message.kind !== "relay") return;
    this.#workers.forEach((worker, other) => {
      if (other !== from) worker.handle(JSON.parse(JSON.stringify(message)));
    });
  }

  /** Waits until all clients have joined. */
  async joined(): Promise<void> {
    await until(
      () => this.collector.status().joined === this.#plan.connections,
      "all clients to join",
      15_000,
    );
  }

  /** Waits until so many clients have joined, and so many joins have failed. */
  async settled(joined: number, failed: number): Promise<void> {
    const { collector } = this;
    const isSo = () => collector.status().joined === joined && collector.counters.joinErrors >= failed;
    await until(isSo, `${joined} joined and ${failed} refused`, 15_000);
  }

  /** Publishes for the scenario's duration, and resolves when all has been sent. */
  async publish(messages: number): Promise<void> {
    this.send({ kind: "go", atUs: this.nowUs() + 20_000 });
    await until(() => this.sent >= messages, `${messages} messages to be sent`, 30_000);
  }

  /** Resolves once some messages have been sent. */
  async someSent(): Promise<void> {
    await until(() => this.sent > 0, "the first messages", 30_000);
  }

  /** Messages sent, as far as the workers have told. */
  get sent(): number {
    return this.collector.counters.published + this.collector.counters.unsent;
  }

  /** Waits until nothing is under way, then judges all. */
  async finish(): Promise<void> {
    this.send({ kind: "stop" });
    const isQuiet = () => this.collector.status().pending === 0;
    await until(isQuiet, "the last deliveries", 40_000).catch(() => {});
    this.send({ kind: "finish" });
  }

  /** Ends the workers. */
  close(): void {
    for (const worker of this.#workers) worker.close();
  }
}
