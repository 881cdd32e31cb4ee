import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { PubSubEvent } from "../../contracts/pubsub-adapter.js";
import type { Random } from "../../contracts/random.js";
import type { Entry, KeyedEntries } from "../../core/presence/entry.js";
import type { MetaChange, TrackResult } from "../../core/presence/local-ops.js";
import { type ReplicaId, replicaId } from "../../core/presence/replica-id.js";
import type { Count, Page, PageRequest } from "../../core/presence/topic-index.js";
import { assert } from "../../core/shared/assert.js";
import type { JsonObject } from "../../core/shared/json.js";
import type { Channel } from "../channel.js";
import type { PubSub } from "../pubsub.js";
import type { MaybePromise } from "../result.js";
import type { Fetched } from "./fetcher.js";
import type { PresenceFault, PresenceResult } from "./presence-types.js";
import { refSource } from "./ref-source.js";
import type { PresenceSettings } from "./settings.js";
import { Shard } from "./shard.js";

/** Characters of a topic. Beyond that: `topic_too_long`. */
export const topicCharsMax = 4_096;

/** Nodes that come up together are greeted together. */
const ANNOUNCE_MS = 100;

/** A channel, as far as presence goes. */
export type TrackedChannel = Pick<Channel, "topic" | "alive" | "onEnd" | "push" | "mayTrack">;

/** What a presence needs of its node. */
export interface PresenceContext {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Figures of one presence on one node. */
export interface PresenceStats {
  /** Topics with somebody in them, on all nodes. */
  readonly topics: number;
  /** Channels of this node that are tracked. */
  readonly owners: number;
  /** Other trackers that are known. */
  readonly replicas: number;
  /** Changes that clients have yet to be told. */
  readonly waiting: number;
  readonly diffs_total: number;
  readonly messages_in_total: number;
  readonly messages_out_total: number;
  readonly bytes_out_total: number;
  readonly undecodable_total: number;
  readonly fetch_failures_total: number;
}

/** A presence at work on one node: its shards, and the channels that it tracks. */
export class NodePresence {
  readonly settings: PresenceSettings;
  readonly clock: Clock;
  readonly nodeName: string;
  readonly #context: PresenceContext;
  readonly #shards: readonly Shard[];
  /** Tracked channels, each with the number that trackers know it by. */
  readonly #owners = new Map<TrackedChannel, number>();
  readonly #watchers = new Set<() => void>();
  #nextOwner = 1;
  #unwatch: (() => void) | undefined = undefined;
  #announcing: Cancel | undefined = undefined;

  constructor(settings: PresenceSettings, context: PresenceContext) {
    const { pubsub, clock, random, logger } = context;
    this.settings = settings;
    this.clock = clock;
    this.nodeName = pubsub.nodeName;
    this.#context = context;
    const self = newReplica(pubsub.nodeName, clock, random);
    const newRef = refSource(random.bytes(6));
    const changed = (): void => this.#changed();
    this.#shards = Array.from(
      { length: settings.poolSize },
      (_, shard) => new Shard({ settings, shard, self, pubsub, clock, logger, newRef, changed }),
    );
  }

  /** Resolves when other nodes know that this one takes part. */
  async start(): Promise<void> {
    this.#unwatch = this.#context.pubsub.watch((event) => this.#hear(event));
    await Promise.all(this.#shards.map((shard) => shard.start(this.#context.random.fraction())));
  }

  /** Takes leave. The channels MUST have ended, and the engine must still run. */
  stop(): void {
    this.#unwatch?.();
    this.#announcing?.();
    for (const shard of this.#shards) shard.stop();
  }

  /** Tracks a key for a channel until that ends. */
  track(channel: TrackedChannel, topic: string, key: string, meta: JsonObject): PresenceResult {
    if (topic.length > topicCharsMax) return refused("topic_too_long");
    if (typeof key !== "string") return refused("key_invalid");
    if (!channel.alive) return refused("channel_ended");
    if (!channel.mayTrack(topic)) return refused("unauthorized");
    const owner = this.#owners.get(channel) ?? this.#nextOwner;
    const shard = this.#shardOf(topic);
    if (this.#wouldExceed(owner, topic, key)) return refused("too_many_presences");
    // Before the clients are told: what they cause may end the channel.
    const result = shard.run((now) => {
      const tracked = shard.tracker.track(owner, topic, key, meta, now);
      if (tracked.ok && owner === this.#nextOwner) this.#own(channel, owner);
      return tracked;
    });
    return resultOf(result);
  }

  /** Replaces the meta of a key that a channel has. */
  update(channel: TrackedChannel, topic: string, key: string, change: MetaChange): PresenceResult {
    if (!channel.alive) return refused("channel_ended");
    const owner = this.#owners.get(channel);
    if (owner === undefined) return refused("nopresence");
    const shard = this.#shardOf(topic);
    return resultOf(shard.run((now) => shard.tracker.update(owner, topic, key, change, now)));
  }

  /** Ends one presence of a channel. */
  untrack(channel: TrackedChannel, topic: string, key: string): void {
    const owner = this.#owners.get(channel);
    if (owner === undefined) return;
    const shard = this.#shardOf(topic);
    shard.run((now) => shard.tracker.untrack(owner, topic, key, now));
  }

  /** Ends the presences of a channel that its client's permissions do not grant any more. */
  reconsider(channel: Channel): void {
    const owner = this.#owners.get(channel);
    if (owner === undefined) return;
    for (const shard of this.#shards) {
      for (const { topic, key } of shard.tracker.state.owners.of(owner)) {
        if (!channel.mayTrack(topic)) shard.run((now) => shard.tracker.untrack(owner, topic, key, now));
      }
    }
  }

  /** Pushes a channel what its client needs to begin with. */
  pushState(channel: TrackedChannel): void {
    this.#shardOf(channel.topic).pushState(channel.topic, channel);
  }

  list(topic: string): KeyedEntries {
    return this.#shardOf(topic).tracker.topics.list(topic);
  }

  getByKey(topic: string, key: string): readonly Entry[] {
    return this.#shardOf(topic).tracker.topics.getByKey(topic, key);
  }

  page(topic: string, request: PageRequest): Page {
    return this.#shardOf(topic).tracker.topics.page(topic, request);
  }

  count(topic: string): Count {
    return this.#shardOf(topic).tracker.topics.count(topic);
  }

  /** Entries with what `fetch` adds. */
  fetched(topic: string, entries: KeyedEntries): MaybePromise<Fetched> {
    return this.#shardOf(topic).fetcher.entries(topic, entries);
  }

  /** Calls `watcher` after every change until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** What it holds, and what it has counted. */
  stats(): PresenceStats {
    const sum = (figure: (shard: Shard) => number): number =>
      this.#shards.reduce((total, shard) => total + figure(shard), 0);
    return {
      topics: sum(({ tracker }) => tracker.topics.topicCount),
      owners: this.#owners.size,
      replicas: sum(({ tracker }) => [...tracker.state.views()].length - 1),
      waiting: sum(({ waiting }) => waiting),
      diffs_total: sum(({ diffs }) => diffs),
      messages_in_total: sum(({ link }) => link.messagesIn),
      messages_out_total: sum(({ link }) => link.messagesOut),
      bytes_out_total: sum(({ link }) => link.bytesOut),
      undecodable_total: sum(({ link }) => link.faults),
      fetch_failures_total: sum(({ fetcher }) => fetcher.failures),
    };
  }

  /** Each shard sees to its own part of the limit; the channel has one limit for all. */
  #wouldExceed(owner: number, topic: string, key: string): boolean {
    if (this.#shards.length === 1) return false;
    if (this.#shardOf(topic).tracker.state.owners.get(owner, topic, key) !== undefined) return false;
    const held = this.#shards.reduce((sum, { tracker }) => sum + tracker.state.owners.countOf(owner), 0);
    return held >= this.settings.tracker.presencesPerOwnerMax;
  }

  #own(channel: TrackedChannel, owner: number): void {
    this.#nextOwner += 1;
    this.#owners.set(channel, owner);
    channel.onEnd(() => {
      this.#owners.delete(channel);
      for (const shard of this.#shards) shard.run((now) => shard.tracker.untrackOwner(owner, now));
    });
  }

  #shardOf(topic: string): Shard {
    const shard = this.#shards[this.#shards.length === 1 ? 0 : hash(topic) % this.#shards.length];
    assert(shard !== undefined, "there is a shard for every hash");
    return shard;
  }

  #hear(event: PubSubEvent): void {
    switch (event.type) {
      case "node_down":
        for (const shard of this.#shards) shard.run((now) => shard.tracker.nodeLost(event.node, now));
        return;
      case "node_up":
      case "engine_up":
        this.#announcing ??= this.clock.after(ANNOUNCE_MS, () => this.#announce());
        return;
      case "engine_down":
        return;
      default:
        event satisfies never;
    }
  }

  #announce(): void {
    this.#announcing = undefined;
    for (const shard of this.#shards) shard.run(() => shard.tracker.announce());
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

function newReplica(name: string, clock: Clock, random: Random): ReplicaId {
  const salt = Buffer.from(random.bytes(8)).toString("hex");
  const id = replicaId(name, clock.now(), salt);
  assert(id !== undefined, "a node's name and a salt in hexadecimal digits make a replica id");
  return id;
}

function refused(reason: PresenceFault): PresenceResult {
  return { ok: false, reason };
}

function resultOf(result: TrackResult): PresenceResult {
  return result.ok ? { ok: true, ref: result.entry.ref } : result;
}

/** FNV-1a. The same on all nodes: they must agree on the shard of a topic. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
