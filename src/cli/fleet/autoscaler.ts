import type { ScaleDriver } from "../../contracts/scale-driver.js";
import { type AutoscaleDecision, decide } from "../../core/autoscale/decide.js";
import { type AutoscaleHistory, withoutChange } from "../../core/autoscale/history.js";
import type { AutoscalePolicy } from "../../core/autoscale/policy.js";
import type { NodeReport } from "../../core/autoscale/signal.js";

/** A driver that knows which drains it began: those may be called off when the load returns. */
export interface RecallingDriver extends ScaleDriver {
  recallable(): readonly string[];
}

/** What an {@link Autoscaler} is made of. */
export interface AutoscalerParts {
  readonly policy: AutoscalePolicy;
  readonly driver: RecallingDriver;
  /** The nodes as they are now. */
  readonly nodes: () => readonly NodeReport[];
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** What `simurgh autoscale status --json` prints. */
export interface AutoscaleReport {
  readonly policy: AutoscalePolicy;
  readonly nodes: readonly NodeReport[];
  /** The last decision, with its reasons; undefined: none was made yet. */
  readonly decision: AutoscaleDecision | undefined;
  /** Milliseconds since it was made. */
  readonly ageMs: number | undefined;
  /** The last decision that was to change something. */
  readonly change: AutoscaleDecision | undefined;
  /** Milliseconds since that. */
  readonly changeAgeMs: number | undefined;
  /** What it waits for before it decides again. */
  readonly paused: string | undefined;
  readonly driver: {
    readonly kind: string;
    /** Decisions that it could not carry out. */
    readonly failures: number;
    /** Why it could not carry out the last one; undefined: it could. */
    readonly fault: string | undefined;
  };
}

/** As often as nodes tell how they are. */
const periodMs = 1_000;

/** Decides once a second how large the fleet should be. There is one `up`, so nobody else leads. */
export class Autoscaler {
  readonly #parts: AutoscalerParts;
  #timer: NodeJS.Timeout | undefined;
  #history: AutoscaleHistory | undefined;
  #decision: AutoscaleDecision | undefined;
  #change: AutoscaleDecision | undefined;
  #paused: string | undefined;
  #isApplying = false;
  #failures = 0;
  #fault: string | undefined;

  constructor(parts: AutoscalerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#decide(), periodMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#parts.driver.close();
  }

  /** Decides nothing until `resume`. */
  pause(reason: string): void {
    this.#paused = reason;
  }

  resume(): void {
    this.#paused = undefined;
  }

  report(): AutoscaleReport {
    const { policy, driver, nodes } = this.#parts;
    const ageOf = (decision: AutoscaleDecision | undefined) =>
      decision === undefined ? undefined : Math.round(performance.now() - decision.atMs);
    return {
      policy,
      nodes: nodes(),
      decision: this.#decision,
      ageMs: ageOf(this.#decision),
      change: this.#change,
      changeAgeMs: ageOf(this.#change),
      paused: this.#paused,
      driver: { kind: driver.kind, failures: this.#failures, fault: this.#fault },
    };
  }

  async #decide(): Promise<void> {
    if (this.#isApplying || this.#paused !== undefined) return;
    const { policy, driver, nodes, out, err } = this.#parts;
    const view = { nowMs: performance.now(), nodes: nodes(), recallable: driver.recallable() };
    const { decision, history } = decide(policy, view, this.#history);
    const { action } = decision;
    this.#decision = decision;
    if (action.kind !== "hold") {
      this.#change = decision;
      out(`autoscale ${summary(decision)}`);
    }
    this.#isApplying = true;
    try {
      await driver.apply(decision);
      this.#history = history;
      this.#fault = undefined;
    } catch (error) {
      this.#history = withoutChange(history, this.#history);
      this.#failures += 1;
      const fault = String(error);
      if (fault !== this.#fault) err(`autoscale the driver ${driver.kind} failed: ${fault}`);
      this.#fault = fault;
    } finally {
      this.#isApplying = false;
    }
  }
}

/** One line about a decision: what is done, and the signals that asked for it. */
export function summary({ current, desired, action, wishes }: AutoscaleDecision): string {
  const asked = wishes.map(({ signal, usage }) => `${signal} ${percent(usage)}`).join(", ");
  const what = {
    hold: () => `stays at ${current}`,
    add: () => `grows from ${current} to ${desired}`,
    keep: () => `grows from ${current} to ${desired}, calling a drain off`,
    drain: () => `shrinks from ${current} to ${desired}`,
  }[action.kind]();
  const victim = action.kind === "drain" ? `, by ${action.name}` : "";
  return `${what}${victim} (in use: ${asked})`;
}

/** A share as people write it. */
export function percent(share: number | undefined): string {
  return share === undefined ? "unknown" : `${Math.round(share * 100)} %`;
}
