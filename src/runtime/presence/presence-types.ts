import type { DeliveryLimits } from "../../core/presence/delivery.js";
import type { TrackFault } from "../../core/presence/local-ops.js";
import type { TrackerOptions } from "../../core/presence/options.js";
import type { Count } from "../../core/presence/topic-index.js";
import type { JsonObject } from "../../core/shared/json.js";
import type { ChannelContext } from "../channel-types.js";

/** A meta as it is listed and sent: the application's own, with the refs that clients tell metas apart by. */
export type TrackedMeta<Meta> = Meta & { readonly phx_ref: string; readonly phx_ref_prev?: string };

/** One key that is present: its metas, and what `fetch` added. */
export type PresenceEntry<Meta, Extra = object> = { readonly metas: readonly TrackedMeta<Meta>[] } & Extra;

/** Who is present, by key. Without a prototype, so that any text is just a key. */
export type Presences<Meta, Extra = object> = { readonly [key: string]: PresenceEntry<Meta, Extra> };

/** Why a presence was not tracked or updated. Nothing has changed then. */
export type PresenceFault =
  | TrackFault
  /** Not a text. */
  | "key_invalid"
  | "topic_too_long"
  /** The client's permissions do not grant it, on a socket with `auth`. */
  | "unauthorized"
  /** The channel has ended: nothing would ever untrack it. */
  | "channel_ended";

/** The ref of the new meta, or why there is none. */
export type PresenceResult =
  | { readonly ok: true; readonly ref: string }
  | { readonly ok: false; readonly reason: PresenceFault };

/** A channel, of whatever types. */
export type PresenceChannel = Pick<ChannelContext<object, object>, "topic" | "socket">;

/** How changes of a topic reach its clients; `docs/presence.md` compares the modes. */
export type PresenceMode = {
  /** Milliseconds that a leave is held back for the same key to join elsewhere. Default 0. */
  readonly graceMs?: number;
} & (
  | { readonly mode?: "every" }
  | { readonly mode: "coalesced" | "counts"; readonly windowMs?: number }
  | { readonly mode: "first"; readonly first: number; readonly windowMs?: number }
);

/** The node that a callback runs on. */
export interface PresenceNode {
  readonly name: string;
  /** Sends an event to every subscriber of a topic, on every node. */
  broadcast(topic: string, event: string, payload: object): void;
  /** Sends an event to the subscribers on this node only. */
  localBroadcast(topic: string, event: string, payload: object): void;
}

/** Bounds on what `fetch` may keep waiting. */
export interface FetchLimits {
  /** How long a `fetch` may take; beyond, clients get the metas alone. */
  readonly fetchTimeoutMs: number;
  /** Fetches under way in a shard; further diffs go without. */
  readonly fetchesMax: number;
}

/** What a presence is, as its author writes it, beside `fetch`. */
export interface PresenceSetup<Meta extends object, Extra extends object>
  extends Partial<TrackerOptions>,
    Partial<DeliveryLimits>,
    Partial<FetchLimits> {
  /** Tells presences of one cluster apart; the same on all nodes. Default `presence`. */
  readonly name?: string;
  /** Independent parts that share the topics; the same on all nodes. Default 1. */
  readonly poolSize?: number;
  /** How topics reach their clients, by pattern as in routes; the first match wins. Default: every diff at once. */
  readonly topics?: { readonly [pattern: string]: PresenceMode };
  /** Called after each diff of a topic was sent, in order; `present` is how the topic then is, key by key. */
  handleMetas?(
    topic: string,
    diff: { readonly joins: Presences<Meta, Extra>; readonly leaves: Presences<Meta, Extra> },
    present: ReadonlyMap<string, readonly TrackedMeta<Meta>[]>,
    node: PresenceNode,
  ): void;
}

/** Options with a `fetch` that answers at once, or without one. */
export interface PresenceOptions<Meta extends object, Extra extends object>
  extends PresenceSetup<Meta, Extra> {
  /** Adds fields to keys before they are listed or sent, such as a name out of a cache. Must keep every `metas`. */
  fetch?(topic: string, presences: Presences<Meta>): Presences<Meta, Extra>;
}

/** Options with a `fetch` that takes its time. */
export interface AsyncPresenceOptions<Meta extends object, Extra extends object>
  extends PresenceSetup<Meta, Extra> {
  /** As in {@link PresenceOptions}. Fetches run at the same time; what they lead to is sent in order. */
  fetch(topic: string, presences: Presences<Meta>): Promise<Presences<Meta, Extra>>;
}

/** Which part of a topic to give. */
export interface PresencePageRequest {
  /** The `next` of the page before; absent for the first one. */
  readonly after?: string;
  /** Keys, 1 to 1000. Default 100. */
  readonly limit?: number;
}

/** A part of a topic, keys in code unit order. */
export interface PresencePage<Found> {
  readonly presences: Found;
  /** Undefined on the last page. */
  readonly next: string | undefined;
  readonly count: Count;
}

/** A promise where lists are promises. */
export type LikeList<Listed, Value> = Listed extends Promise<unknown> ? Promise<Value> : Value;

/** Reads presences. `Where` names a topic. */
export interface PresenceReader<Where, Listed> {
  /** All of a topic. */
  list(where: Where): Listed;
  /** One key of a topic; undefined when it is not present. */
  getByKey(where: Where, key: string): LikeList<Listed, Awaited<Listed>[keyof Awaited<Listed>] | undefined>;
  /** A part of a topic. */
  page(where: Where, request?: PresencePageRequest): LikeList<Listed, PresencePage<Awaited<Listed>>>;
  /** How many keys and metas a topic has, at constant cost. */
  count(where: Where): Count;
}

/**
 * Who is here. A definition, as a socket is: the endpoint that it is given to runs it. A topic as `where` means
 * that endpoint; where a process has several, `at` names one.
 */
export interface Presence<Meta extends object = JsonObject, Listed = Presences<Meta>>
  extends PresenceReader<string | PresenceChannel, Listed> {
  readonly name: string;
  /** Tracks a key in the channel's topic, or in another, until the channel ends. */
  track(ch: PresenceChannel, key: string, meta: Meta): PresenceResult;
  track(ch: PresenceChannel, topic: string, key: string, meta: Meta): PresenceResult;
  /** Replaces a meta, by another or by what a function makes of the current one. */
  update(ch: PresenceChannel, key: string, meta: MetaUpdate<Meta>): PresenceResult;
  update(ch: PresenceChannel, topic: string, key: string, meta: MetaUpdate<Meta>): PresenceResult;
  /** Ends a presence; nothing happens when there is none. */
  untrack(ch: PresenceChannel, key: string): void;
  untrack(ch: PresenceChannel, topic: string, key: string): void;
  /**
   * Pushes `presence_state` of the channel's topic, and `presence_count` where its mode says so. The diffs that the
   * client gets after it follow on.
   */
  pushState(ch: PresenceChannel): void;
  /** Reads what one of several endpoints knows. */
  at(endpoint: object): PresenceReader<string, Listed>;
}

/** A presence of whatever metas, for an endpoint to run. */
export interface AnyPresence {
  readonly name: string;
  at(endpoint: object): object;
}

/** A new meta, or how it follows from the current one. */
export type MetaUpdate<Meta> = Meta | ((current: TrackedMeta<Meta>) => Meta);
