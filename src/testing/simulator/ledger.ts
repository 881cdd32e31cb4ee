import type { Broadcast } from "../../runtime/broadcast.js";
import type { Calm } from "./calm.js";
import type { SimulatedBounds } from "./engine.js";
import type { Life } from "./life.js";
import { SimSubscriber } from "./subscriber.js";
import type { World } from "./world.js";

/** A message that was published. */
export interface Message {
  readonly id: number;
  readonly from: Life;
  /** The how-manieth of its publisher's life. */
  readonly number: number;
  readonly topic: string;
  readonly atUs: number;
  /** Subscribers on other nodes that it must reach while nothing is the matter with the way to them. */
  readonly awaited: Set<SimSubscriber>;
}

/** What the ledger has seen, for the summary: a run that checked nothing proves nothing. */
export interface LedgerCounts {
  published: number;
  /** Arrivals at subscribers of other nodes. */
  delivered: number;
  /** Arrivals that had to happen, and were checked. */
  promised: number;
  subscribed: number;
  unsubscribed: number;
}

/** Keeps account of who published what and who heard it, and finds what breaks a promise. */
export class Ledger {
  readonly counts: LedgerCounts = { published: 0, delivered: 0, promised: 0, subscribed: 0, unsubscribed: 0 };
  readonly #world: World;
  readonly #calm: Calm;
  readonly #bounds: SimulatedBounds;
  readonly #lives: () => Iterable<Life>;
  readonly #messages: Message[] = [];
  #subscribers = 0;

  constructor(world: World, calm: Calm, bounds: SimulatedBounds, lives: () => Iterable<Life>) {
    this.#world = world;
    this.#calm = calm;
    this.#bounds = bounds;
    this.#lives = lives;
  }

  /** The message that a broadcast is; undefined when nobody published it. */
  messageOf(broadcast: Broadcast): Message | undefined {
    const { payload } = broadcast;
    // Payloads of a simulation are objects with an id; whatever else arrives was not published.
    const id = (payload as { readonly id?: unknown }).id;
    return typeof id === "number" ? this.#messages[id] : undefined;
  }

  /** Publishes on a node, with a payload that is padded to about `size` characters. Returns the message. */
  publish(life: Life, topic: string, size: number, leaveOut?: SimSubscriber): Message {
    const { nowUs } = this.#world;
    life.published += 1;
    const id = this.#messages.length;
    const message: Message = {
      id,
      from: life,
      number: life.published,
      topic,
      atUs: nowUs,
      awaited: this.#promisedTo(life, topic),
    };
    this.#messages.push(message);
    this.counts.published += 1;
    this.#world.note("publish", life.label, topic, id, message.awaited.size);
    const local = [...life.subscribers].filter((one) => one.topic === topic);
    life.pubsub.broadcast(topic, "said", { id, pad: "x".repeat(size) }, leaveOut);
    for (const subscriber of local) {
      if (subscriber.heard.has(message) === (subscriber !== leaveOut)) continue;
      this.#world.fail(
        `message ${id} of ${life.label}: wrong delivery to ${subscriber.label}, on its own node`,
      );
    }
    if (message.awaited.size > 0) {
      this.#world.after(this.#bounds.deliverWithinMs * 1_000, () => this.#judge(message));
    }
    return message;
  }

  /** Subscribes on a node, as a join of a channel does: others hear of it first. */
  async subscribe(life: Life, topic: string): Promise<void> {
    const { pubsub, process } = life;
    life.joining += 1;
    this.#world.note("subscribe", life.label, topic);
    await pubsub.announce(topic);
    life.joining -= 1;
    if (!process.alive) return;
    if (life.state === "running") {
      this.#subscribers += 1;
      const subscriber = new SimSubscriber(this.#subscribers, life, topic, (who, what) =>
        this.#hear(who, what),
      );
      pubsub.subscribe(topic, subscriber);
      life.subscribers.add(subscriber);
      this.counts.subscribed += 1;
      this.#world.note("subscribed", life.label, topic, subscriber.id);
    }
    pubsub.release(topic);
  }

  unsubscribe(subscriber: SimSubscriber): void {
    const { life, topic, id } = subscriber;
    this.#world.note("unsubscribe", life.label, topic, id);
    life.pubsub.unsubscribe(topic, subscriber);
    life.subscribers.delete(subscriber);
    subscriber.removed = true;
    this.counts.unsubscribed += 1;
  }

  /** Whether nothing has been the matter between two nodes for so long that all of it is over. */
  calm(a: Life, b: Life, sinceUs: number): boolean {
    return this.#calm.since(a.name, b.name, sinceUs - this.#bounds.calmAfterMs * 1_000);
  }

  #promisedTo(from: Life, topic: string): Set<SimSubscriber> {
    const promised = new Set<SimSubscriber>();
    for (const to of this.#lives()) {
      if (to === from || !to.running || !to.up.has(from.name) || !from.up.has(to.name)) continue;
      if (!this.calm(from, to, this.#world.nowUs)) continue;
      for (const subscriber of to.subscribers) if (subscriber.topic === topic) promised.add(subscriber);
    }
    return promised;
  }

  #judge(message: Message): void {
    for (const subscriber of message.awaited) {
      const { life, removed } = subscriber;
      if (removed || !life.running || !this.calm(message.from, life, message.atUs)) continue;
      this.counts.promised += 1;
      if (subscriber.heard.has(message)) continue;
      this.#world.fail(`message ${message.id} of ${message.from.label} never reached ${subscriber.label}`);
    }
  }

  #hear(subscriber: SimSubscriber, broadcast: Broadcast): void {
    const message = this.messageOf(broadcast);
    const fail = (what: string) => this.#world.fail(`message ${message?.id} ${what} ${subscriber.label}`);
    if (message === undefined || message.topic !== broadcast.topic)
      return fail("was never published, but reached");
    this.#world.note("heard", subscriber.life.label, subscriber.id, message.id);
    if (subscriber.removed || subscriber.topic !== message.topic) return fail("was not wanted by");
    if (subscriber.heard.has(message)) return fail("came again to");
    const last = subscriber.last.get(message.from) ?? 0;
    if (message.number <= last) return fail(`came after number ${last} of its publisher to`);
    subscriber.last.set(message.from, message.number);
    subscriber.heard.add(message);
    if (message.from !== subscriber.life) this.counts.delivered += 1;
  }
}
