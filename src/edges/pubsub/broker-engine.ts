import type { Cancel } from "../../contracts/clock.js";
import type { PubSubAdapter, PubSubEvent, PubSubHost } from "../../contracts/pubsub-adapter.js";
import { assert } from "../../core/shared/assert.js";
import { SimurghError } from "../../runtime/errors.js";
import { createBrokerCounters } from "./broker-counters.js";
import type { BrokerDriver, BrokerLink } from "./broker-driver.js";
import { Envelope, publisherBytes } from "./broker-envelope.js";
import { BrokerInterest } from "./broker-interest.js";
import { BrokerKeeper } from "./broker-keeper.js";
import type { BrokerSettings } from "./broker-options.js";
import { BrokerRoster } from "./broker-roster.js";
import { TopicNames, writeOut } from "./topic-names.js";

const lifeBytes = 8;
/** What the broker does not permit comes with every message: it is logged once in this time. */
const refusalLogMs = 60_000;
const nothing = new Uint8Array();

/** One life of a node, from start to stop. */
interface Life {
  readonly host: PubSubHost;
  readonly envelope: Envelope;
  readonly keeper: BrokerKeeper;
  readonly roster: BrokerRoster | undefined;
  cancelAnnounce: Cancel;
  /** Messages are being dropped, which is logged once. */
  dropping: boolean;
  downAtMs: number;
  /** Refusals before this moment are counted only. */
  refusalsLoggedFromMs: number;
}

/** An engine whose messages go by a broker. What the broker is, is its driver's business. */
export class BrokerEngine implements PubSubAdapter {
  readonly engine: string;
  readonly #driver: BrokerDriver;
  readonly #settings: BrokerSettings;
  readonly #names: TopicNames;
  /** Where nodes tell all others that they are there; with a node's name behind it, that node alone. */
  readonly #rosterName: string;
  readonly #counters = createBrokerCounters();
  readonly #interest: BrokerInterest;
  #life: Life | undefined;
  #stopped: Promise<void> = Promise.resolve();
  /** The broker's limit, as it said when it was last there. */
  #messageBytesMax: number;

  constructor(driver: BrokerDriver, settings: BrokerSettings) {
    const { prefix, limits, timing } = settings;
    this.engine = driver.engine;
    this.#driver = driver;
    this.#settings = settings;
    this.#names = new TopicNames(prefix, driver.separator);
    this.#rosterName = `${prefix}${driver.separator}n`;
    this.#interest = new BrokerInterest(timing.interestTimeoutMs, this.#counters);
    this.#messageBytesMax = limits.messageBytesMax;
  }

  get healthy(): boolean {
    return this.#life?.keeper.link !== undefined;
  }

  async start(host: PubSubHost): Promise<void> {
    assert(this.#life === undefined, "an engine is started once at a time");
    await this.#stopped;
    const life = this.#createLife(host);
    this.#life = life;
    try {
      await life.keeper.open();
    } catch (error) {
      if (this.#life === life) this.#life = undefined;
      await life.keeper.close();
      throw error;
    }
  }

  stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return this.#stopped;
    this.#life = undefined;
    this.#stopped = this.#end(life);
    return this.#stopped;
  }

  subscribe(topic: string): Promise<void> | undefined {
    if (this.#interest.has(topic)) return undefined;
    const name = this.#names.written(topic);
    if (name !== undefined) return this.#interest.add({ topic, name, head: nothing });
    return this.#interest.add({ topic, ...this.#names.hashed(topic) });
  }

  unsubscribe(topic: string): void {
    this.#interest.remove(topic);
  }

  publish(topic: string, data: Uint8Array): void {
    const life = this.#life;
    const written = this.#names.written(topic);
    if (written !== undefined) this.#publish(life, written, nothing, data);
    else {
      const { name, head } = this.#names.hashed(topic);
      this.#publish(life, name, head, data);
    }
  }

  nodes(): readonly string[] {
    return this.#life?.roster?.names() ?? [];
  }

  stats(): Readonly<Record<string, number>> {
    const life = this.#life;
    const link = life?.keeper.link;
    return {
      ...this.#counters,
      link_up: link === undefined ? 0 : 1,
      queued_bytes: link?.pendingBytes ?? 0,
      topics_local: this.#interest.size,
      nodes_known: life?.roster?.size ?? 0,
    };
  }

  #publish(life: Life | undefined, name: string, head: Uint8Array, data: Uint8Array): void {
    const size = (life?.envelope.overhead(head) ?? 0) + data.length;
    if (size > this.#messageBytesMax) {
      const message = `the message needs ${size} bytes, more than ${this.#messageBytesMax}`;
      throw new SimurghError("payload_too_large", message);
    }
    if (life === undefined) return;
    const counters = this.#counters;
    counters.messages_published += 1;
    const { link } = life.keeper;
    if (link === undefined) return this.#drop(life, size, undefined);
    if (link.pendingBytes + size > this.#settings.limits.queueBytesMax) return this.#drop(life, size, link);
    counters.messages_out += 1;
    counters.message_bytes_out += data.length;
    link.publish(name, life.envelope.wrap(data, head));
  }

  #drop(life: Life, size: number, link: BrokerLink | undefined): void {
    this.#counters.dropped_messages += 1;
    this.#counters.dropped_bytes += size;
    // While the broker is away that has been said already.
    if (link === undefined || life.dropping) return;
    life.dropping = true;
    life.host.logger.warn(`${this.engine} is slow, messages are dropped`, {
      queued_bytes: link.pendingBytes,
    });
  }

  #createLife(host: PubSubHost): Life {
    const { clock, random, logger, nodeName } = host;
    const { timing, announce } = this.#settings;
    const counters = this.#counters;
    const own = `${this.#rosterName}${this.#driver.separator}${writeOut(nodeName)}`;
    const envelope = new Envelope(this.#driver.echoes ? random.bytes(publisherBytes) : undefined);
    const fixed = announce ? [this.#rosterName, own] : [];
    const parts = { driver: this.#driver, nodeName, clock, random, logger, timing, counters };
    const keeper = new BrokerKeeper(parts, {
      prepare: (link) => this.#interest.attach(link, clock, fixed, timing.connectTimeoutMs),
      onMessage: (name, data) => this.#onMessage(life, name, data),
      onRefused: (what) => this.#onRefused(life, what),
      onUp: (link, again) => this.#onUp(life, link, again),
      onDown: (reason) => this.#onDown(life, reason),
    });
    const roster = announce ? this.#createRoster(host, envelope, keeper) : undefined;
    const life: Life = {
      host,
      envelope,
      keeper,
      roster,
      cancelAnnounce: () => {},
      dropping: false,
      downAtMs: 0,
      refusalsLoggedFromMs: 0,
    };
    return life;
  }

  #createRoster(host: PubSubHost, envelope: Envelope, keeper: BrokerKeeper): BrokerRoster {
    const { clock, random, logger, nodeName } = host;
    const self = { node: nodeName, life: Buffer.from(random.bytes(lifeBytes)).toString("hex") };
    return new BrokerRoster(clock, this.#settings.timing.announceTimeoutMs, self, {
      announce: (data, to) => {
        const one = to === undefined ? "" : `${this.#driver.separator}${writeOut(to)}`;
        keeper.link?.publish(this.#rosterName + one, envelope.wrap(data));
      },
      onUp: (node) => this.#changed(host, { type: "node_up", node }),
      onDown: (node, reason) => this.#changed(host, { type: "node_down", node, reason }),
      onDuplicate: () => {
        this.#counters.duplicate_names += 1;
        if (this.#counters.duplicate_names > 1) return;
        logger.error("another node has the name of this one", { node: nodeName });
      },
    });
  }

  #onUp(life: Life, link: BrokerLink, again: boolean): void {
    const { clock, logger } = life.host;
    const { limits, timing } = this.#settings;
    this.#messageBytesMax = Math.min(limits.messageBytesMax, link.messageBytesMax);
    life.dropping = false;
    life.roster?.hello();
    life.cancelAnnounce = clock.every(timing.announcePeriodMs, () => {
      life.roster?.tick();
      this.#messageBytesMax = Math.min(limits.messageBytesMax, link.messageBytesMax);
      if (link.pendingBytes < limits.queueBytesMax / 2) life.dropping = false;
    });
    if (!again) return;
    const awayMs = Math.round(clock.monotonic() - life.downAtMs);
    logger.info(`${this.engine} is back`, { broker: link.remote, away_ms: awayMs });
    this.#changed(life.host, { type: "engine_up" });
  }

  #onDown(life: Life, reason: string): void {
    const { clock, logger } = life.host;
    life.downAtMs = clock.monotonic();
    life.cancelAnnounce();
    this.#interest.detach();
    logger.warn(`${this.engine} is lost, messages to other nodes are dropped`, { reason });
    this.#changed(life.host, { type: "engine_down", reason });
    life.roster?.clear("engine down");
  }

  #onRefused(life: Life, what: string): void {
    this.#counters.refusals += 1;
    const nowMs = life.host.clock.monotonic();
    if (nowMs < life.refusalsLoggedFromMs) return;
    life.refusalsLoggedFromMs = nowMs + refusalLogMs;
    life.host.logger.error(`${this.engine} refuses this node`, { what, refusals: this.#counters.refusals });
  }

  #onMessage(life: Life, name: string, message: Uint8Array): void {
    const counters = this.#counters;
    if (this.#life !== life) return;
    if (life.envelope.isOwn(message)) {
      counters.messages_echoed += 1;
      return;
    }
    const wanted = this.#interest.find(name);
    if (wanted === undefined) return this.#onOther(life, name, message);
    const data = life.envelope.unwrap(message, wanted.head);
    if (data === undefined) {
      counters.messages_malformed += 1;
      return;
    }
    counters.messages_in += 1;
    counters.message_bytes_in += data.length;
    try {
      life.host.deliver(wanted.topic, data);
    } catch (error) {
      // A fault above must not take the link down, on which other topics travel.
      counters.deliver_errors += 1;
      life.host.logger.error(`${this.engine} delivery failed`, { topic: wanted.topic, error: String(error) });
    }
  }

  #onOther(life: Life, name: string, message: Uint8Array): void {
    if (life.roster === undefined || !name.startsWith(this.#rosterName)) {
      this.#counters.messages_unwanted += 1;
      return;
    }
    // Before this node is up it asks nobody and answers nobody; it will.
    if (life.keeper.link === undefined) return;
    const data = life.envelope.unwrap(message);
    if (data === undefined || !life.roster.receive(data)) this.#counters.messages_malformed += 1;
  }

  #changed(host: PubSubHost, event: PubSubEvent): void {
    try {
      host.changed(event);
    } catch (error) {
      host.logger.error(`${this.engine} event failed`, { event: event.type, error: String(error) });
    }
  }

  async #end(life: Life): Promise<void> {
    life.cancelAnnounce();
    life.roster?.leave();
    this.#interest.clear();
    await life.keeper.close();
  }
}
