import type { ScaleDriver } from "../../src/contracts/scale-driver.js";
import type { AutoscaleDecision } from "../../src/core/autoscale/decide.js";
import type { AutoscalePolicyInput } from "../../src/core/autoscale/policy.js";
import { socket } from "../../src/index.js";
import { EndpointCore } from "../../src/runtime/endpoint.js";
import { FakeClock } from "./fake-clock.js";
import { FakeLan } from "./fake-lan.js";
import { MemoryLogger, turn } from "./node.js";

/** A driver that notes what it is told, and fails on demand. */
export class NotingDriver implements ScaleDriver {
  readonly kind = "noting";
  readonly recalls: boolean;
  readonly orders: AutoscaleDecision[] = [];
  fault: Error | undefined;
  /** What an order waits for. */
  pause: Promise<void> | undefined;
  closes = 0;

  constructor(recalls = false) {
    this.recalls = recalls;
  }

  async apply(decision: AutoscaleDecision): Promise<void> {
    this.orders.push(decision);
    await this.pause;
    if (this.fault !== undefined) throw this.fault;
  }

  async close(): Promise<void> {
    this.closes += 1;
  }

  /** What it was told, without the holds: the action, and the size. */
  get changes(): string[] {
    return this.orders
      .filter(({ action }) => action.kind !== "hold")
      .map(({ action, desired }) => `${action.kind} ${action.kind === "drain" ? action.name : desired}`);
  }
}

/** Half of the event loop is wanted busy, without brakes. */
export const quickPolicy: AutoscalePolicyInput = {
  minNodes: 1,
  maxNodes: 9,
  signals: { eventLoop: { capacity: 1, target: 0.5 } },
  scaleOut: { stabilisationMs: 0, stepNodes: 100, stepPeriodMs: 1_000, coolDownMs: 0 },
  scaleIn: { stabilisationMs: 0, stepNodes: 100, stepPeriodMs: 1_000, coolDownMs: 0 },
};

/** Nodes on one network and one clock, each with a driver of its own that notes what it is told. */
export class AutoscaledFleet {
  readonly lan = new FakeLan();
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly busy = new Map<string, number>();
  readonly nodes = new Map<string, { readonly core: EndpointCore; readonly driver: NotingDriver }>();

  async start(name: string, policy = quickPolicy, driver = new NotingDriver()): Promise<NotingDriver> {
    const core = new EndpointCore({
      name,
      host: undefined,
      sockets: { "/socket": socket().routes({}) },
      adapter: this.lan.adapter(),
      drain: { noticeMs: 0 },
      fleet: { vitals: { eventLoop: () => this.busy.get(name) ?? 0.5, rssBytes: () => 1_000_000 } },
      autoscale: { policy, driver, intervalMs: 1_000, orderMsMax: 20_000 },
      signerFor: undefined,
      clock: this.clock,
      random: { fraction: () => 0, bytes: (length) => new Uint8Array(length) },
      logger: this.logger,
    });
    await core.start();
    this.nodes.set(name, { core, driver });
    return driver;
  }

  /** The load of every node that is there, as a share of its event loop. */
  load(share: number): void {
    for (const name of this.nodes.keys()) this.busy.set(name, share);
  }

  core(name: string): EndpointCore {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`${name} was not started`);
    return node.core;
  }

  advance(byMs: number): Promise<void> {
    return this.clock.advance(byMs, turn);
  }
}
