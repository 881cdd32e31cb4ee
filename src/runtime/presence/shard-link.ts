import type { Logger } from "../../contracts/logger.js";
import { decodeMessage, encodeMessage } from "../../core/presence/codec.js";
import type { Message } from "../../core/presence/message.js";
import type { ReplicaId } from "../../core/presence/replica-id.js";
import type { Broadcast } from "../broadcast.js";
import type { PubSub, Subscriber } from "../pubsub.js";

/** Topics that trackers use between nodes begin with this. */
export const PRESENCE_PREFIX = "phx_presence:";

const EVENT = "tracker";

/** What a link is made of. */
export interface LinkParts {
  readonly pubsub: PubSub;
  readonly logger: Logger;
  readonly self: ReplicaId;
  /** Name of the presence, and which of its shards. */
  readonly name: string;
  readonly shard: number;
  readonly receive: (message: Message) => void;
}

/** The way from one shard of a tracker to its like on the other nodes, over whatever engine there is. */
export class ShardLink implements Subscriber {
  readonly #parts: LinkParts;
  /** Shared by all replicas. */
  readonly #topic: string;
  messagesIn = 0;
  messagesOut = 0;
  bytesOut = 0;
  /** Messages that could not be read. */
  faults = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#topic = `${PRESENCE_PREFIX}${parts.name}_shard${parts.shard}`;
  }

  /** Resolves when the other nodes know that this one listens. */
  async open(): Promise<void> {
    const { pubsub, self } = this.#parts;
    const topics = [this.#topic, this.#directTopic(self)];
    await Promise.all(topics.map((topic) => pubsub.announce(topic)));
    for (const topic of topics) {
      pubsub.subscribe(topic, this);
      pubsub.release(topic);
    }
  }

  close(): void {
    const { pubsub, self } = this.#parts;
    pubsub.unsubscribe(this.#topic, this);
    pubsub.unsubscribe(this.#directTopic(self), this);
  }

  broadcast(message: Message): void {
    this.#publish(this.#topic, message);
  }

  send(to: ReplicaId, message: Message): void {
    this.#publish(this.#directTopic(to), message);
  }

  receive({ binary, topic }: Broadcast): void {
    const message = binary === undefined ? undefined : decodeMessage(Buffer.from(binary).toString());
    if (message === undefined) {
      this.faults += 1;
      this.#parts.logger.warn("message on a presence topic is none of a tracker", { topic });
      return;
    }
    this.messagesIn += 1;
    this.#parts.receive(message);
  }

  /** Without the node's name, which may be too long for a topic: start and salt tell replicas apart. */
  #directTopic(id: ReplicaId): string {
    return `${this.#topic}:${id.slice(0, id.indexOf("@"))}`;
  }

  #publish(topic: string, message: Message): void {
    const bytes = Buffer.from(encodeMessage(message));
    this.messagesOut += 1;
    this.bytesOut += bytes.length;
    try {
      this.#parts.pubsub.broadcast(topic, EVENT, bytes, this);
    } catch (cause) {
      // As good as lost: the clocks show it, and it is repaired when the engine carries messages again.
      this.#parts.logger.warn("presence message could not be sent", {
        type: message.type,
        bytes: bytes.length,
        error: String(cause),
      });
    }
  }
}
