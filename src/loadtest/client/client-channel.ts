import { topicName } from "../scenario/plan.js";
import { fillJson, type TemplateValues } from "../scenario/template.js";
import type { ClientWorld } from "./world.js";

/** One topic of one client. */
export class ClientChannel {
  readonly topic: number;
  readonly name: string;
  readonly slot: number;
  state: "out" | "joining" | "in" = "out";
  joinRef = "";
  /** When the join was sent. */
  sinceUs = 0;
  /** When to join again. */
  retryUs = Number.POSITIVE_INFINITY;
  /** Joins in vain, one after the other. */
  tries = 0;
  /** The number of its client's last message, or -1. */
  lastSeq = -1;
  readonly #client: number;
  readonly #world: ClientWorld;

  constructor(topic: number, slot: number, client: number, world: ClientWorld) {
    this.topic = topic;
    this.slot = slot;
    this.#client = client;
    this.#world = world;
    this.name = topicName(world.plan, topic);
  }

  /** A join is under way. */
  begin(joinRef: string, nowUs: number): void {
    this.state = "joining";
    this.joinRef = joinRef;
    this.sinceUs = nowUs;
    this.retryUs = Number.POSITIVE_INFINITY;
  }

  /** The join was accepted. */
  enter(nowUs: number): void {
    this.state = "in";
    this.tries = 0;
    this.lastSeq = -1;
    this.#world.groups.get(this.topic)?.join(this.slot, nowUs);
  }

  /** The client is no longer in the topic. */
  exit(nowUs: number, own: boolean): void {
    if (this.state === "in") this.#world.groups.get(this.topic)?.leave(this.slot, nowUs, own);
    this.state = "out";
    this.retryUs = Number.POSITIVE_INFINITY;
  }

  /** Joins again at a time. */
  retryLater(atUs: number): void {
    this.state = "out";
    this.tries += 1;
    this.retryUs = atUs;
  }

  /** What is sent to join, as JSON. */
  joinPayload(): string {
    return JSON.stringify(fillJson(this.#world.plan.topics.join, this.#values()));
  }

  /** What is pushed to be seen in the presence, as JSON. */
  presencePayload(): string {
    return JSON.stringify(fillJson(this.#world.plan.presence.payload, this.#values()));
  }

  #values(): TemplateValues {
    const { plan, run } = this.#world;
    const token = plan.tokens[this.#client % plan.tokens.length] ?? "";
    return { client: this.#client, run, token, topic: this.name };
  }
}
