import type { Logger } from "../../contracts/logger.js";
import type { PubSubAdapter, PubSubEvent } from "../../contracts/pubsub-adapter.js";
import { PubSub } from "../../runtime/pubsub.js";
import type { PresenceResident } from "./presence/resident.js";
import type { Process } from "./process.js";
import type { SimSubscriber } from "./subscriber.js";
import type { World } from "./world.js";

/** starting -> running -> stopping -> over; a crash leads from each of them to over. */
export type LifeState = "starting" | "running" | "stopping" | "over";

function tracingLogger(world: World, name: string): Logger {
  const at = (level: string) => (message: string, fields?: object) => {
    world.note("log", name, level, message, fields === undefined ? "" : JSON.stringify(fields));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** One life of a node: the real PubSub over the engine under test, and what the outside saw of it. */
export class Life {
  readonly name: string;
  /** The how-manieth life of this name. */
  readonly number: number;
  readonly process: Process;
  readonly pubsub: PubSub;
  readonly adapter: PubSubAdapter;
  readonly logger: Logger;
  /** The presence on this node, where presence is simulated. */
  resident: PresenceResident | undefined;
  /** Until then other nodes may take it for an earlier life, as its wall clock was set back. */
  excusedUntilUs = 0;
  readonly startedAtUs: number;
  state: LifeState = "starting";
  /** Subscribers that there are now. */
  readonly subscribers = new Set<SimSubscriber>();
  /** Subscriptions that other nodes have yet to hear of. */
  joining = 0;
  /** Messages of this life, counted. */
  published = 0;
  /** Other nodes that are up, by the events. */
  readonly up = new Set<string>();

  constructor(world: World, process: Process, number: number, adapter: PubSubAdapter) {
    this.name = process.name;
    this.number = number;
    this.process = process;
    this.adapter = adapter;
    this.startedAtUs = world.nowUs;
    const { clock, random } = process;
    this.logger = tracingLogger(world, process.name);
    this.pubsub = new PubSub(adapter, { nodeName: process.name, clock, random, logger: this.logger });
    this.pubsub.watch((event) => this.#watch(world, event));
  }

  get running(): boolean {
    return this.state === "running" && this.process.alive;
  }

  /** The name with the number of the life. */
  get label(): string {
    return `${this.name}#${this.number}`;
  }

  #watch(world: World, event: PubSubEvent): void {
    if (event.type !== "node_up" && event.type !== "node_down") return;
    world.note(event.type, this.label, event.node);
    if (event.node === this.name) world.fail(`${this.label}: ${event.type} of itself`);
    if (event.type === "node_up") {
      if (this.up.has(event.node)) world.fail(`${this.label}: node_up of ${event.node}, which was up`);
      this.up.add(event.node);
    } else if (!this.up.delete(event.node)) {
      world.fail(`${this.label}: node_down of ${event.node}, which was not up`);
    }
  }

  /** Whether `nodes()` says what the events said. */
  checkNodes(world: World): void {
    const nodes = this.pubsub.nodes();
    const same = nodes.length === this.up.size && nodes.every((node) => this.up.has(node));
    if (same || this.state === "stopping" || this.state === "over") return;
    world.fail(`${this.label}: nodes() lists [${nodes}], the events say [${[...this.up]}]`);
  }
}
