import type { Logger } from "../../../contracts/logger.js";
import { SimurghError } from "../../../runtime/errors.js";
import { type HaproxyProcess, startHaproxy } from "./process.js";
import { runtimeCommand } from "./runtime-socket.js";

/** What {@link keepRunning} needs. */
export interface KeepRunningOptions {
  readonly binary: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly logger: Logger;
}

/** An HAProxy that is started again whenever it dies. */
export interface Supervised {
  /** Resolves when the first one answers; rejects when it ends before that, or takes too long. */
  readonly up: Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

const firstDelayMs = 100;
const delayMsMax = 5_000;
/** One that has run this long is started again without delay. */
const stableMs = 10_000;
const upMsMax = 10_000;
const pollMs = 20;

/** Starts HAProxy and keeps it running until `stop`. The config is read anew with every start. */
export function keepRunning(options: KeepRunningOptions): Supervised {
  const { binary, configPath, socketPath, logger } = options;
  let answered = false;
  let stopped = false;
  let delayMs = firstDelayMs;
  let timer: NodeJS.Timeout | undefined;

  const launch = (): HaproxyProcess => {
    const startedMs = performance.now();
    const process = startHaproxy(binary, configPath, (line) => logger.info(line));
    void process.exited.then((reason) => {
      if (stopped || !answered) return;
      if (performance.now() - startedMs > stableMs) delayMs = firstDelayMs;
      logger.warn("haproxy is gone and will be started again", { reason, delayMs });
      timer = setTimeout(() => {
        current = launch();
      }, delayMs);
      delayMs = Math.min(delayMs * 2, delayMsMax);
    });
    return process;
  };

  let current = launch();
  const stop = async () => {
    stopped = true;
    clearTimeout(timer);
    await current.stop();
  };
  const up = answers(current, socketPath).then(
    () => {
      answered = true;
    },
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  return { up, stop };
}

/** Waits until the process itself answers: a socket left by an earlier one does not count. */
async function answers(process: HaproxyProcess, socketPath: string): Promise<void> {
  let gone: string | undefined;
  void process.exited.then((reason) => {
    gone = reason;
  });
  const deadlineMs = performance.now() + upMsMax;
  for (;;) {
    if (gone !== undefined) {
      const words = `${process.lastLines()} (${gone})`.trim();
      throw new SimurghError("balancer_start_failed", `haproxy ended: ${words}`);
    }
    const info = await runtimeCommand(socketPath, "show info", upMsMax).catch(() => "");
    if (info.includes(`\nPid: ${process.pid}\n`)) return;
    if (performance.now() > deadlineMs) {
      throw new SimurghError("balancer_start_failed", `haproxy gave no answer within ${upMsMax} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
