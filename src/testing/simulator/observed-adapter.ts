import type { PubSubAdapter, PubSubHost } from "../../contracts/pubsub-adapter.js";
import { Broadcast } from "../../runtime/broadcast.js";
import type { Ledger, Message } from "./ledger.js";
import type { Life } from "./life.js";
import { isTrackerTopic } from "./presence/hearing.js";
import type { World } from "./world.js";

/** Sits between PubSub and the engine under test, and checks what the engine promises. */
export class ObservedAdapter implements PubSubAdapter {
  readonly engine: string;
  /** Whose adapter it is. Set before it is started. */
  life: Life | undefined;
  readonly #inner: PubSubAdapter;
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #wanted = new Set<string>();
  readonly #unwantedSinceUs = new Map<string, number>();
  readonly #delivered = new Set<Message>();
  /** The number of the last message, by life and topic, or by life alone. */
  readonly #last = new Map<string, number>();
  readonly #byTopic: boolean;
  /** The latest life of each other node that was heard. */
  readonly #latest = new Map<string, number>();
  #stopped = false;

  constructor(inner: PubSubAdapter, order: "topic" | "publisher", world: World, ledger: Ledger) {
    this.engine = inner.engine;
    this.#inner = inner;
    this.#byTopic = order === "topic";
    this.#world = world;
    this.#ledger = ledger;
  }

  get healthy(): boolean {
    return this.#inner.healthy;
  }

  start(host: PubSubHost): Promise<void> {
    return this.#inner.start({
      ...host,
      deliver: (topic, data) => {
        if (isTrackerTopic(topic)) this.#overhear(topic, data);
        else this.#check(topic, data);
        host.deliver(topic, data);
      },
    });
  }

  async stop(): Promise<void> {
    await this.#inner.stop();
    this.#stopped = true;
  }

  subscribe(topic: string): Promise<void> | undefined {
    if (this.#wanted.has(topic)) this.#world.fail(`${this.life?.label}: ${topic} is subscribed twice`);
    this.#wanted.add(topic);
    return this.#inner.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (!this.#wanted.delete(topic)) this.#world.fail(`${this.life?.label}: ${topic} is unsubscribed twice`);
    this.#unwantedSinceUs.set(topic, this.#world.nowUs);
    this.#inner.unsubscribe(topic);
  }

  publish(topic: string, data: Uint8Array): void {
    this.#inner.publish(topic, data);
  }

  nodes(): readonly string[] {
    return this.#inner.nodes();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#inner.stats();
  }

  /** What trackers say to each other is judged by what comes of it. */
  #overhear(topic: string, data: Uint8Array): void {
    if (this.#stopped) this.#world.fail(`${this.life?.label}: a message on ${topic} arrived after the stop`);
    this.life?.resident?.hearing.message(topic, data, this.#world.nowUs);
  }

  #check(topic: string, data: Uint8Array): void {
    const broadcast = Broadcast.decode(topic, data);
    const message = broadcast && this.#ledger.messageOf(broadcast);
    const fail = (what: string) =>
      this.#world.fail(`${this.life?.label}: message ${message?.id} on ${topic} ${what}`);
    if (message === undefined || message.topic !== topic) return fail("was never published");
    const { from, number, atUs } = message;
    this.#world.note("deliver", this.life?.label, message.id);
    if (this.#stopped) return fail("arrived after the stop");
    if (from === this.life) return fail("came back to its own node");
    if (this.#delivered.has(message)) return fail("arrived twice");
    if (!this.#wanted.has(topic) && !(atUs <= (this.#unwantedSinceUs.get(topic) ?? -1))) {
      return fail("was not wanted when it was published");
    }
    const stream = this.#byTopic ? `${from.label} ${topic}` : from.label;
    const last = this.#last.get(stream) ?? 0;
    if (number <= last) return fail(`is number ${number} and arrived behind number ${last}`);
    if (from.number < (this.#latest.get(from.name) ?? 0)) return fail("is of a life that was over");
    this.#latest.set(from.name, from.number);
    this.#last.set(stream, number);
    this.#delivered.add(message);
  }
}
