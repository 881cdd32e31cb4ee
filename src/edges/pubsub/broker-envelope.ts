import type { WantedTopic } from "./broker-interest.js";

/** Leads each message at a broker that sends a node its own messages, too: who published it. */
export const publisherBytes = 8;

const nothing = new Uint8Array();

function startsWith(data: Uint8Array, head: Uint8Array, at: number): boolean {
  if (data.length < at + head.length) return false;
  for (let i = 0; i < head.length; i++) if (data[at + i] !== head[i]) return false;
  return true;
}

/**
 * What travels around the data of a message: the publisher, where the broker cannot leave it out; the topic, where
 * the name does not tell it. At most brokers and for most topics that is nothing.
 */
export class Envelope {
  /** Empty where the broker does not send a node its own messages. */
  readonly #publisher: Uint8Array;

  constructor(publisher: Uint8Array = nothing) {
    this.#publisher = publisher;
  }

  /** Bytes around the data of a message whose name is followed by `head`. */
  overhead(head: Uint8Array = nothing): number {
    return this.#publisher.length + head.length;
  }

  /** The message to publish. Not always a copy. */
  wrap(data: Uint8Array, head: Uint8Array = nothing): Uint8Array {
    const overhead = this.overhead(head);
    if (overhead === 0) return data;
    const message = Buffer.allocUnsafe(overhead + data.length);
    message.set(this.#publisher, 0);
    message.set(head, this.#publisher.length);
    message.set(data, overhead);
    return message;
  }

  /** Whether this node published a message. */
  isOwn(message: Uint8Array): boolean {
    return this.#publisher.length > 0 && startsWith(message, this.#publisher, 0);
  }

  /** The data of a message of another node; undefined when it is not of this topic. */
  unwrap(message: Uint8Array, head: WantedTopic["head"] = nothing): Uint8Array | undefined {
    const overhead = this.overhead(head);
    if (message.length < overhead || !startsWith(message, head, this.#publisher.length)) return undefined;
    return overhead === 0 ? message : message.subarray(overhead);
  }
}
