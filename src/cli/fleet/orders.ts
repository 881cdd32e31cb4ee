import { SimurghError } from "../../runtime/errors.js";
import type { ControlRequest } from "../control/messages.js";
import type { Autoscaler } from "./autoscaler.js";
import { deploy } from "./deploy.js";
import { drainNode } from "./drain-node.js";
import type { Fleet } from "./fleet.js";

/** Does what a fleet is asked over its control socket, one change of all its nodes at a time. */
export class FleetOrders {
  readonly #fleet: Fleet;
  readonly #autoscaler: Autoscaler | undefined;
  #deploying = false;

  constructor(fleet: Fleet, autoscaler: Autoscaler | undefined) {
    this.#fleet = fleet;
    this.#autoscaler = autoscaler;
  }

  /** Answers one request; what takes long is told of by `progress`. */
  async obey(request: ControlRequest, progress: (line: string) => void): Promise<unknown> {
    const fleet = this.#fleet;
    if (!fleet.isUp && request.command !== "nodes") throw refused("the fleet is starting, or about to end");
    switch (request.command) {
      case "nodes":
        return fleet.rows();
      case "drain":
        if (this.#deploying) throw refused("a deploy is under way, which drains the nodes itself");
        return drainNode(fleet, request.name, request, progress);
      case "cancel-drain":
        return fleet.cancelDrain(request.name);
      case "deploy":
        return this.#deploy(request, progress);
      case "autoscale":
        if (this.#autoscaler !== undefined) return this.#autoscaler.report();
        throw refused("it does not scale by itself; that begins with: simurgh up --autoscale MIN..MAX");
      default:
        return request satisfies never;
    }
  }

  async #deploy(
    { app = this.#fleet.app, startMsMax, settleMs, limitMs }: Extract<ControlRequest, { command: "deploy" }>,
    progress: (line: string) => void,
  ): Promise<void> {
    if (this.#deploying) throw refused("another deploy is under way");
    if (this.#fleet.isDraining) throw refused("a node is on its way out; deploy when it is gone");
    this.#deploying = true;
    this.#autoscaler?.pause("deploy");
    try {
      await deploy(this.#fleet, { app, startMsMax, settleMs, limitMs }, progress);
    } finally {
      this.#deploying = false;
      this.#autoscaler?.resume();
    }
  }
}

function refused(message: string): SimurghError {
  return new SimurghError("fleet_order_refused", message);
}
