import type { MetaChange } from "../../core/presence/local-ops.js";
import { presenceMeta, withoutRefs } from "../../core/protocol/presence.js";
import type { JsonObject } from "../../core/shared/json.js";
import { Channel } from "../channel.js";
import { SimurghError } from "../errors.js";
import type { NodePresence } from "./node-presence.js";
import { NodeReader } from "./node-reader.js";
import type {
  AsyncPresenceOptions,
  Presence,
  PresenceChannel,
  PresenceOptions,
  PresencePageRequest,
  PresenceResult,
  Presences,
} from "./presence-types.js";
import { type ErasedOptions, type PresenceSettings, resolveSettings } from "./settings.js";

/**
 * Defines who is here; `Meta` is what each presence carries, plain JSON. Throws `endpoint_config_invalid` for options
 * that cannot work.
 */
export function presence<Meta extends object = JsonObject, Extra extends object = object>(
  options?: PresenceOptions<Meta, Extra>,
): Presence<Meta, Presences<Meta, Extra>>;
export function presence<Meta extends object = JsonObject, Extra extends object = object>(
  options: AsyncPresenceOptions<Meta, Extra>,
): Presence<Meta, Promise<Presences<Meta, Extra>>>;
export function presence(options: object = {}): object {
  // The overloads have checked the options; callbacks get exactly what they were typed with.
  return new PresenceDefinition(resolveSettings(options as ErasedOptions));
}

type Where = string | PresenceChannel;

/** What follows the channel: of three, the first is a topic. */
type KeyAndMeta =
  | readonly [key: string, meta: unknown]
  | readonly [topic: string, key: string, meta: unknown];
type JustKey = readonly [key: string] | readonly [topic: string, key: string];

/** A presence without the types that only its author needs. */
export class PresenceDefinition {
  readonly settings: PresenceSettings;
  readonly #running = new Set<NodePresence>();
  readonly #byEndpoint = new WeakMap<object, NodePresence>();

  constructor(settings: PresenceSettings) {
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  /** A node runs it from now on, until the returned function is called. */
  attach(node: NodePresence): () => void {
    this.#running.add(node);
    return () => void this.#running.delete(node);
  }

  /** Makes `at(endpoint)` find the node. */
  bind(endpoint: object, node: NodePresence): void {
    this.#byEndpoint.set(endpoint, node);
  }

  track(ch: PresenceChannel, ...rest: KeyAndMeta): PresenceResult {
    const channel = channelOf(ch);
    const [topic, key, meta] = rest.length === 3 ? rest : [channel.topic, ...rest];
    return this.#nodeOf(channel).track(channel, topic, key, ownMeta(meta));
  }

  update(ch: PresenceChannel, ...rest: KeyAndMeta): PresenceResult {
    const channel = channelOf(ch);
    const [topic, key, change] = rest.length === 3 ? rest : [channel.topic, ...rest];
    return this.#nodeOf(channel).update(channel, topic, key, toChange(change));
  }

  untrack(ch: PresenceChannel, ...rest: JustKey): void {
    const channel = channelOf(ch);
    const [topic, key] = rest.length === 2 ? rest : [channel.topic, rest[0]];
    this.#nodeOf(channel).untrack(channel, topic, key);
  }

  pushState(ch: PresenceChannel): void {
    const channel = channelOf(ch);
    channel.requireJoined("pushState");
    this.#nodeOf(channel).pushState(channel);
  }

  list(where: Where): unknown {
    return this.#reader(where).list(topicOf(where));
  }

  getByKey(where: Where, key: string): unknown {
    return this.#reader(where).getByKey(topicOf(where), key);
  }

  page(where: Where, request?: PresencePageRequest): unknown {
    return this.#reader(where).page(topicOf(where), request);
  }

  count(where: Where): unknown {
    return this.#reader(where).count(topicOf(where));
  }

  at(endpoint: object): NodeReader {
    return new NodeReader(this.nodeAt(endpoint));
  }

  /** The node of an endpoint. Throws `endpoint_state` when that was not given this presence. */
  nodeAt(endpoint: object): NodePresence {
    const node = this.#byEndpoint.get(endpoint);
    if (node === undefined) throw this.#misused("that endpoint was not given it");
    return node;
  }

  #reader(where: Where): NodeReader {
    return new NodeReader(typeof where === "string" ? this.#only() : this.#nodeOf(channelOf(where)));
  }

  #only(): NodePresence {
    const [node] = this.#running;
    if (node === undefined) throw this.#misused("no endpoint that was given it has started");
    if (this.#running.size > 1) throw this.#misused("several endpoints run it: name one with at(endpoint)");
    return node;
  }

  #nodeOf(channel: Channel): NodePresence {
    const node = channel.presences.get(this);
    if (node === undefined) throw this.#misused("the endpoint of this channel was not given it");
    return node;
  }

  #misused(what: string): SimurghError {
    return new SimurghError("endpoint_state", `presence ${this.name}: ${what}`);
  }
}

/** The definition that `presence(…)` made. Throws a TypeError for anything else. */
export function definitionOf(value: object): PresenceDefinition {
  if (value instanceof PresenceDefinition) return value;
  throw new TypeError("a presence is what presence(…) returns");
}

function channelOf(ch: object): Channel {
  if (ch instanceof Channel) return ch;
  throw new TypeError("presence calls take the channel that a callback was called with");
}

function topicOf(where: Where): string {
  return typeof where === "string" ? where : where.topic;
}

/** Without refs: a meta is often made from one that was listed. What is no plain JSON is left to the tracker. */
function ownMeta(meta: unknown): JsonObject {
  const isObject = typeof meta === "object" && meta !== null && !Array.isArray(meta);
  // The tracker checks that it is one, and refuses it otherwise.
  return isObject ? withoutRefs(meta as JsonObject) : (meta as JsonObject);
}

function toChange(change: unknown): MetaChange {
  return typeof change === "function" ? (entry) => ownMeta(change(presenceMeta(entry))) : ownMeta(change);
}
