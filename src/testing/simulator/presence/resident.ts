import type { PubSubEvent } from "../../../contracts/pubsub-adapter.js";
import type { NodePresence } from "../../../runtime/presence/node-presence.js";
import type { Life } from "../life.js";
import type { World } from "../world.js";
import { Hearing } from "./hearing.js";
import type { PresenceModel, Tracked } from "./model.js";
import type { PresencePlan } from "./plan.js";
import { SimChannel } from "./sim-channel.js";
import { PresenceView } from "./view.js";

/** What a resident is made of. */
export interface ResidentParts {
  readonly world: World;
  readonly life: Life;
  readonly plan: PresencePlan;
  readonly model: PresenceModel;
  readonly node: NodePresence;
}

/** The real presence on one node of a simulation, with the channels there. */
export class PresenceResident {
  readonly life: Life;
  readonly node: NodePresence;
  readonly hearing = new Hearing();
  readonly channels = new Set<SimChannel>();
  /** Joins that other nodes have yet to hear of. */
  joining = 0;
  /** When it began to take part; undefined before. */
  readyUs: number | undefined;
  readonly #parts: ResidentParts;
  #numbers = 0;

  constructor(parts: ResidentParts) {
    this.#parts = parts;
    this.life = parts.life;
    this.node = parts.node;
    this.life.pubsub.watch((event) => this.#watch(event));
  }

  /** Whether users may come. */
  get open(): boolean {
    return this.readyUs !== undefined && this.life.running;
  }

  async start(): Promise<void> {
    await this.node.start();
    this.readyUs = this.#parts.world.nowUs;
  }

  /** As an endpoint does it: the channels end, then the trackers take leave. */
  stop(): void {
    this.readyUs = undefined;
    for (const channel of [...this.channels]) this.end(channel);
    this.node.stop();
    const { owners } = this.node.stats();
    if (owners > 0) this.fail(`${owners} channels are tracked after all have ended`);
  }

  /** A channel joins and is tracked, as the real ones do: other nodes hear of it first. */
  async join(topic: string, key: string, watches: boolean): Promise<void> {
    const { pubsub, process, label } = this.life;
    const { world } = this.#parts;
    this.joining += 1;
    world.note("join", label, topic);
    await pubsub.announce(topic);
    this.joining -= 1;
    if (!process.alive) return;
    if (this.open) this.track(this.#enter(topic, watches), topic, key);
    pubsub.release(topic);
  }

  #enter(topic: string, watches: boolean): SimChannel {
    this.#numbers += 1;
    const number = this.#numbers;
    const channel = new SimChannel(topic, number, watches ? this.#view(topic, number) : undefined);
    this.channels.add(channel);
    this.life.pubsub.subscribe(topic, channel);
    if (watches) this.node.pushState(channel);
    this.#parts.world.note("joined", this.life.label, topic, number);
    return channel;
  }

  #view(topic: string, number: number): PresenceView {
    const { model, plan } = this.#parts;
    return new PresenceView({
      topic,
      model,
      fetched: plan.fetchMs !== undefined,
      named: plan.mode.mode !== "counts",
      fail: (what) => this.fail(`channel ${number} in ${topic} ${what}`),
    });
  }

  /** Tracks a key; the answer must be what the model says. */
  track(channel: SimChannel, topic: string, key: string): void {
    const { world, model } = this.#parts;
    const place = `${topic} ${key}`;
    const twice = channel.tracked.has(place);
    const tracked = model.add(this.life, topic, key, world.nowUs);
    world.note("track", this.life.label, channel.number, place, tracked.number);
    // Before the call: whoever is told of it within must find it.
    if (twice) model.end(tracked, world.nowUs);
    else channel.tracked.set(place, tracked);
    const result = this.node.track(channel, topic, key, { n: tracked.number });
    if (twice) {
      if (result.ok) this.fail(`${place} was tracked twice`);
      return;
    }
    model.counts.tracked += 1;
    this.#expect(tracked, result.ok ? result.ref : result.reason);
  }

  update(channel: SimChannel, before: Tracked): void {
    const { world, model } = this.#parts;
    const { topic, key } = before;
    const tracked = model.add(this.life, topic, key, world.nowUs, before);
    world.note("update", this.life.label, channel.number, before.number, tracked.number);
    model.end(before, world.nowUs);
    channel.tracked.set(`${topic} ${key}`, tracked);
    const result = this.node.update(channel, topic, key, { n: tracked.number });
    model.counts.updated += 1;
    this.#expect(tracked, result.ok ? result.ref : result.reason);
    this.#expectGone(before);
  }

  untrack(channel: SimChannel, tracked: Tracked): void {
    const { world, model } = this.#parts;
    const { topic, key, number } = tracked;
    world.note("untrack", this.life.label, channel.number, number);
    model.end(tracked, world.nowUs);
    channel.tracked.delete(`${topic} ${key}`);
    this.node.untrack(channel, topic, key);
    model.counts.untracked += 1;
    this.#expectGone(tracked);
  }

  /** A channel ends, and all that it tracked ends with it. */
  end(channel: SimChannel): void {
    const { world, model } = this.#parts;
    world.note("end", this.life.label, channel.number);
    this.channels.delete(channel);
    for (const tracked of channel.tracked.values()) model.end(tracked, world.nowUs);
    this.life.pubsub.unsubscribe(channel.topic, channel);
    channel.end();
    model.counts.untracked += channel.tracked.size;
    for (const tracked of channel.tracked.values()) this.#expectGone(tracked);
  }

  fail(violation: string): void {
    this.#parts.world.fail(`${this.life.label}: ${violation}`);
  }

  #expect(tracked: Tracked, ref: string): void {
    const { topic, key, number } = tracked;
    tracked.ref ??= ref;
    if (tracked.ref !== ref) this.fail(`${key} in ${topic} was told as ${tracked.ref}, and answered ${ref}`);
    if (this.node.getByKey(topic, key).some((entry) => entry.ref === ref && entry.meta.n === number)) return;
    this.fail(`${key} in ${topic} is not listed right after it was tracked, but: ${ref}`);
  }

  #expectGone({ topic, key, ref }: Tracked): void {
    if (!this.node.getByKey(topic, key).some((entry) => entry.ref === ref)) return;
    this.fail(`${ref} is still listed after it was taken back`);
  }

  #watch(event: PubSubEvent): void {
    if (event.type === "node_down") this.hearing.lost(event.node, this.#parts.world.nowUs);
  }
}
