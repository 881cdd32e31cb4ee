import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Logger } from "../../../contracts/logger.js";
import type { ScaleDriver, ScaleHost } from "../../../contracts/scale-driver.js";
import type { AutoscaleDecision } from "../../../core/autoscale/decide.js";
import { SimurghError } from "../../../runtime/errors.js";
import { LogLines } from "./log-lines.js";

/** Settings of {@link command}. */
export interface CommandOptions {
  /** The program, found as the system finds programs; there is no shell. */
  readonly program: string;
  /** Its arguments; the number of nodes follows as the last one. */
  readonly args?: readonly string[];
  /** Milliseconds that a run may take; beyond, it and its children are ended, and it has failed. Default 30 000. */
  readonly timeoutMs?: number;
  /** Lines of its output that are logged, of each run; the rest is counted. Default 100. */
  readonly linesMax?: number;
}

/** From the request to end until it is made to. */
const killMs = 2_000;
/** From its end until its output is closed. */
const lastWordsMs = 200;

class Command implements ScaleDriver {
  readonly kind = "command";
  readonly recalls = false;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #timeoutMs: number;
  readonly #linesMax: number;
  #logger: Logger | undefined;
  #running: ChildProcess | undefined;
  #isClosed = false;

  constructor({ program, args = [], timeoutMs = 30_000, linesMax = 100 }: CommandOptions) {
    if (program === "" || program.includes("\0")) throw invalid("program must be the name of a program");
    if (args.some((one) => one.includes("\0"))) throw invalid("args must not hold a zero byte");
    this.#program = program;
    this.#args = args;
    this.#timeoutMs = whole("timeoutMs", timeoutMs);
    this.#linesMax = whole("linesMax", linesMax);
  }

  start({ logger }: ScaleHost): void {
    this.#logger = logger;
  }

  async apply(decision: AutoscaleDecision): Promise<void> {
    if (decision.action.kind === "hold") return;
    if (this.#isClosed) throw this.#failed("the driver is closed");
    if (this.#running !== undefined) throw this.#failed("it still runs");
    await this.#run(decision);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#running !== undefined) end(this.#running, "SIGKILL");
  }

  #run({ desired, current, action }: AutoscaleDecision): Promise<void> {
    const victim = action.kind === "drain" ? { SIMURGH_NODE: action.name } : {};
    const told = { SIMURGH_DESIRED: String(desired), SIMURGH_CURRENT: String(current), ...victim };
    return new Promise((resolve, reject) => {
      const child = spawn(this.#program, [...this.#args, String(desired)], {
        env: { ...process.env, ...told, SIMURGH_ACTION: action.kind },
        stdio: ["ignore", "pipe", "pipe"],
        // A group of its own, so that what it started can be ended with it.
        detached: true,
      });
      this.#running = child;
      const lines = this.#log(child);
      let isLate = false;
      let kill: NodeJS.Timeout | undefined;
      const stop = setTimeout(() => {
        isLate = true;
        end(child, "SIGTERM");
        kill = setTimeout(() => end(child, "SIGKILL"), killMs);
      }, this.#timeoutMs);
      const settle = (fault: string | undefined) => {
        clearTimeout(stop);
        clearTimeout(kill);
        lines.finish();
        this.#running = undefined;
        if (fault === undefined) resolve();
        else reject(this.#failed(fault));
      };
      child.on("error", ({ message }) => settle(message));
      child.on("exit", () => {
        // What it left running may hold its output open; its last words come within this.
        setTimeout(() => [child.stdout, child.stderr].map((stream) => stream.destroy()), lastWordsMs);
      });
      child.on("close", (code, signal) => {
        if (isLate) return settle(`it took longer than ${this.#timeoutMs} ms`);
        settle(code === 0 ? undefined : `it ended with ${signal ?? `exit code ${code}`}`);
      });
    });
  }

  #log({ stdout, stderr }: { readonly stdout: Readable; readonly stderr: Readable }): LogLines {
    const lines = new LogLines(this.#linesMax, (text) => {
      this.#logger?.info("scale command says", { program: this.#program, text });
    });
    for (const stream of [stdout, stderr]) stream.on("data", (bytes: Buffer) => lines.add(stream, bytes));
    return lines;
  }

  #failed(why: string): SimurghError {
    return new SimurghError("scale_driver_failed", `${this.#program}: ${why}`);
  }
}

/** Signals the child and all that it started. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // It has ended meanwhile, and so is told by its exit.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function whole(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(`${name} must be a whole number >= 1, not ${value}`);
}

function invalid(message: string): SimurghError {
  return new SimurghError("scale_config_invalid", message);
}

/**
 * Runs a program with the number of nodes that there should be, once for each decision that changes it. It does not know
 * the fleet, so the program must take the number as absolute: grow to it or shrink to it. `SIMURGH_ACTION` says which.
 */
export function command(options: CommandOptions): ScaleDriver {
  return new Command(options);
}
