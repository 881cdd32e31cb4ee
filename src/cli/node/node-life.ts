import type { Logger } from "../../contracts/logger.js";
import type { NodeStage } from "../../core/autoscale/signal.js";
import type { AppEndpoint } from "../app.js";
import type { NodeOrder } from "../fleet/messages.js";
import { pause, within } from "../support/within.js";

/** What {@link NodeLife} is made of. */
export interface NodeLifeParts {
  readonly endpoint: AppEndpoint;
  /** Looks no more for the node of that name. */
  readonly forget: (name: string) => void;
  /** For a drain that comes by a signal. */
  readonly drainMsMax: number;
  readonly logger: Logger;
  /** Hears of each change of the stage. */
  readonly onStage: (stage: NodeStage) => void;
}

/** What the end of a node may take, milliseconds, after its clients were sent away. */
export const stopMsMax = 8_000;
/** What is left when somebody is in a hurry, or nobody is left to wait for. */
const hurriedStopMsMax = 1_000;

/** The end of a node that listens, by whatever it is brought about: once, in good order, or called off in time. */
export class NodeLife {
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
  readonly #parts: NodeLifeParts;
  #end: (code: number) => void = () => {};
  #stage: "ready" | "draining" | "stopping" = "ready";
  #hurry: () => void = () => {};
  readonly #hurried: Promise<void>;
  /** Tells one drain from those before it that were called off. */
  #drains = 0;

  constructor(parts: NodeLifeParts) {
    this.#parts = parts;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#hurried = new Promise((resolve) => {
      this.#hurry = resolve;
    });
  }

  get stage(): NodeStage {
    return this.#stage === "ready" ? "ready" : "draining";
  }

  /** Does what the `up` that runs this node says. */
  obey(order: NodeOrder): void {
    switch (order.type) {
      case "simurgh:drain":
        return this.#drain(order.limitMs);
      case "simurgh:cancel":
        return this.#cancel();
      case "simurgh:gone":
        return this.#parts.forget(order.name);
      case "simurgh:stop":
        return void this.#stop();
      default:
        return order satisfies never;
    }
  }

  /** A signal to end: the first one drains, the next one hurries. */
  signal(signal: NodeJS.Signals): void {
    const { logger, drainMsMax } = this.#parts;
    if (this.#stage === "ready") {
      logger.info("ending", { signal });
      return this.#drain(drainMsMax);
    }
    logger.warn("hurrying");
    this.#hurry();
    void this.#stop();
  }

  /** Ends at once, as nobody is left to wait for. */
  async abandon(): Promise<void> {
    await within(hurriedStopMsMax, this.#parts.endpoint.stop());
  }

  #drain(limitMs: number): void {
    if (this.#stage !== "ready") return;
    const { endpoint, logger, onStage } = this.#parts;
    this.#stage = "draining";
    this.#drains += 1;
    const drain = this.#drains;
    const isCurrent = () => this.#stage === "draining" && this.#drains === drain;
    const drained = within(limitMs, endpoint.drain()).catch((error: unknown) => {
      logger.error("the drain failed", { error: String(error) });
      return true;
    });
    onStage("draining");
    void drained.then((inTime) => {
      if (!isCurrent()) return;
      if (!inTime) logger.warn("not drained in time", { limitMs });
      void this.#stop();
    });
  }

  #cancel(): void {
    const { endpoint, logger, onStage } = this.#parts;
    if (this.#stage !== "draining") return;
    if (endpoint.cancelDrain?.() !== true) return logger.warn("the drain cannot be called off");
    this.#stage = "ready";
    onStage("ready");
  }

  async #stop(): Promise<void> {
    const { endpoint, logger } = this.#parts;
    if (this.#stage === "stopping") return;
    this.#stage = "stopping";
    const hurriedStop = this.#hurried.then(() => pause(hurriedStopMsMax));
    const stopped = within(stopMsMax, Promise.race([endpoint.stop(), hurriedStop])).catch((error) => {
      logger.error("the stop failed", { error: String(error) });
      return true;
    });
    if (!(await stopped)) logger.warn("not stopped in time", { stopMsMax });
    this.#end(0);
  }
}
