import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { NodeReport, NodeStage, SignalValues } from "../../core/autoscale/signal.js";
import type { Broadcast } from "../broadcast.js";
import type { PubSub, Subscriber } from "../pubsub.js";
import { decodeStatus, encodeStatus, heardMax, type StatusMessage } from "./status-message.js";

/** Topics by which nodes tell of themselves begin with this. */
export const FLEET_PREFIX = "phx_fleet:";

const TOPIC = `${FLEET_PREFIX}status`;
const EVENT = "status";

/** Other nodes that are remembered; more are not heard. */
const nodesMax = 1_024;
/** Own messages whose time of sending is remembered. */
const sentMax = 16;
/** Periods of silence after which a node is forgotten. */
const silentPeriods = 10;
/** Periods for which what a node said of itself counts. */
const freshPeriods = 3;

/** One node of the fleet, this one included. */
export interface NodeStatus extends NodeReport {
  readonly measuredAtMs: number;
  readonly values: SignalValues;
  readonly connectsTotal: number;
}

/** What is to be told of this node. */
export interface OwnStatus {
  readonly stage: NodeStage;
  readonly values: Omit<SignalValues, "publishLagMs">;
  readonly connectsTotal: number;
}

/** What {@link NodeStatuses} is made of. */
export interface StatusParts {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly periodMs: number;
  /** Measures this node. */
  readonly measure: () => OwnStatus;
}

interface Heard {
  readonly status: NodeStatus;
  readonly seq: number;
}

/**
 * Each node tells all others, once a period, how it is; so every node knows the whole fleet, over whatever engine
 * there is. What it hears is at most a period and the way old.
 */
export class NodeStatuses implements Subscriber {
  readonly #parts: StatusParts;
  readonly #others = new Map<string, Heard>();
  /** When the own newest messages were sent, by their numbers. */
  readonly #sentAtMs = new Map<number, number>();
  #lagsMs: number[] = [];
  #own: NodeStatus | undefined = undefined;
  #seq = 0;
  #cancels: Cancel[] = [];
  #full = false;
  /** Messages that could not be read. */
  faults = 0;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  start(): void {
    const { pubsub, clock, periodMs } = this.#parts;
    pubsub.subscribe(TOPIC, this);
    const unwatch = pubsub.watch((event) => {
      if (event.type === "node_down") this.#others.delete(event.node);
      if (event.type === "node_up") this.tell();
    });
    this.#cancels = [clock.every(periodMs, () => this.#beat()), unwatch];
    this.tell();
  }

  stop(): void {
    this.#parts.pubsub.unsubscribe(TOPIC, this);
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  /** Every node that is known, by name; those that do not answer any more are among them for a while. */
  all(): readonly NodeStatus[] {
    const statuses = [...this.#others.values()].map(({ status }) => status);
    if (this.#own !== undefined) statuses.push(this.#own);
    return statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Those that said of themselves lately how they are, and do not drain. */
  welcoming(): readonly NodeStatus[] {
    const sinceMs = this.#parts.clock.monotonic() - freshPeriods * this.#parts.periodMs;
    return this.all().filter(({ stage, measuredAtMs }) => stage === "ready" && measuredAtMs >= sinceMs);
  }

  /**
   * The name of the node that decides for all: the first of those that are ready. While news of a change is on its
   * way two nodes may both think that it is they.
   */
  leader(): string | undefined {
    return this.welcoming()[0]?.name;
  }

  /** Measures this node and tells the others now, as when its stage has changed. */
  tell(): void {
    const { pubsub, clock, logger, measure } = this.#parts;
    const { stage, values, connectsTotal } = measure();
    const name = pubsub.nodeName;
    const nowMs = clock.monotonic();
    const lag = this.#lagsMs.length === 0 ? {} : { publishLagMs: Math.max(...this.#lagsMs) };
    this.#own = { name, stage, connectsTotal, measuredAtMs: nowMs, values: { ...values, ...lag } };
    this.#seq += 1;
    this.#sentAtMs.set(this.#seq, nowMs);
    this.#sentAtMs.delete(this.#seq - sentMax);
    const message = { name, seq: this.#seq, stage, values: this.#own.values, connectsTotal };
    try {
      pubsub.broadcast(TOPIC, EVENT, encodeStatus({ ...message, heard: this.#heard(nowMs) }), this);
    } catch (cause) {
      logger.warn("status could not be sent", { error: String(cause) });
    }
  }

  receive({ binary }: Broadcast): void {
    const message = binary === undefined ? undefined : decodeStatus(binary);
    if (message === undefined) {
      this.faults += 1;
      this.#parts.logger.warn("message on the status topic is no status");
      return;
    }
    this.#note(message);
  }

  #beat(): void {
    const { clock, periodMs } = this.#parts;
    const forgetMs = clock.monotonic() - silentPeriods * periodMs;
    for (const [name, { status }] of this.#others) {
      if (status.measuredAtMs < forgetMs) this.#others.delete(name);
    }
    this.tell();
    this.#lagsMs = [];
  }

  #note({ name, seq, stage, values, connectsTotal, heard }: StatusMessage): void {
    const { clock, pubsub, logger } = this.#parts;
    if (name === pubsub.nodeName) return;
    if (!this.#others.has(name) && this.#others.size >= nodesMax) {
      if (!this.#full) logger.warn("more nodes than are remembered", { nodesMax });
      this.#full = true;
      return;
    }
    const nowMs = clock.monotonic();
    this.#others.set(name, { seq, status: { name, stage, values, connectsTotal, measuredAtMs: nowMs } });
    const [ownSeq, heldMs] = heard[pubsub.nodeName] ?? [0, 0];
    const sentAtMs = this.#sentAtMs.get(ownSeq);
    if (sentAtMs !== undefined) this.#lagsMs.push(Math.max(0, (nowMs - sentAtMs - heldMs) / 2));
  }

  /** What was heard of others; when there are many, the next ones each time. */
  #heard(nowMs: number): StatusMessage["heard"] {
    const names = [...this.#others.keys()];
    const from = names.length <= heardMax ? 0 : (this.#seq * heardMax) % names.length;
    const turn = [...names.slice(from), ...names.slice(0, from)].slice(0, heardMax);
    const heard: Record<string, readonly [number, number]> = Object.create(null);
    for (const name of turn) {
      const other = this.#others.get(name);
      if (other !== undefined) heard[name] = [other.seq, nowMs - other.status.measuredAtMs];
    }
    return heard;
  }
}
