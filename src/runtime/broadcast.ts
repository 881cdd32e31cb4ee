import type { Frame } from "../contracts/frame.js";
import type { Json } from "../core/shared/json.js";
import { SimurghError } from "./errors.js";
import { assertPushable, toObjectJson } from "./payload.js";

/** The form of a payload: anything JSON, or bytes. */
export type Payload = Json | Uint8Array;

const KIND_JSON = 0;
const KIND_BINARY = 1;
/** What fits the two bytes of its length between the nodes. */
const EVENT_BYTES_MAX = 65_535;

/**
 * One event on its way to the subscribers of a topic. Text, bytes and frames are made when somebody needs them,
 * once, and shared: a message from another node that goes straight to clients is never parsed.
 */
export class Broadcast {
  readonly topic: string;
  readonly event: string;
  /** The encoded frame for each serializer, by its slot. */
  readonly frames: [Frame | undefined, Frame | undefined] = [undefined, undefined];
  #json: string | undefined;
  #payload: Payload | undefined;

  private constructor(topic: string, event: string, payload: Payload | undefined, json: string | undefined) {
    this.topic = topic;
    this.event = event;
    this.#payload = payload;
    this.#json = json;
  }

  /** A broadcast made on this node. Throws in the sender when the payload cannot go over the wire. */
  static of(topic: string, event: string, payload: object): Broadcast {
    assertPushable(payload);
    if (payload instanceof Uint8Array) {
      const fault = fieldFault("topic", topic) ?? fieldFault("event", event);
      if (fault !== undefined) throw new SimurghError("field_too_long", fault);
      return new Broadcast(topic, event, payload, undefined);
    }
    return new Broadcast(topic, event, undefined, toObjectJson(payload));
  }

  /** The payload as JSON text; undefined when it is bytes. */
  get json(): string | undefined {
    return this.#json;
  }

  /** The payload as bytes; undefined when it is JSON. */
  get binary(): Uint8Array | undefined {
    return this.#payload instanceof Uint8Array ? this.#payload : undefined;
  }

  /** The payload as a value. Subscribers share it, so they must not change it. */
  get payload(): Payload {
    // JSON.parse makes nothing but Json.
    this.#payload ??= JSON.parse(this.#json ?? "null") as Json;
    return this.#payload;
  }

  /** What goes to other nodes: `kind(1) | event length(2, big endian) | event | payload`. */
  encode(): Uint8Array {
    const binary = this.binary;
    const eventLength = Buffer.byteLength(this.event);
    if (eventLength > EVENT_BYTES_MAX) {
      throw new SimurghError(
        "field_too_long",
        `event has ${eventLength} bytes, a broadcast allows ${EVENT_BYTES_MAX}`,
      );
    }
    const json = this.#json ?? "";
    const payloadLength = binary?.length ?? Buffer.byteLength(json);
    const bytes = Buffer.allocUnsafe(3 + eventLength + payloadLength);
    bytes[0] = binary === undefined ? KIND_JSON : KIND_BINARY;
    bytes.writeUInt16BE(eventLength, 1);
    bytes.write(this.event, 3, "utf8");
    if (binary === undefined) bytes.write(json, 3 + eventLength, "utf8");
    else bytes.set(binary, 3 + eventLength);
    return bytes;
  }

  /** Reads what {@link encode} wrote; undefined when it is something else. */
  static decode(topic: string, data: Uint8Array): Broadcast | undefined {
    if (data.length < 3) return undefined;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const payloadStart = 3 + bytes.readUInt16BE(1);
    if (payloadStart > bytes.length) return undefined;
    const event = bytes.toString("utf8", 3, payloadStart);
    switch (bytes[0]) {
      case KIND_JSON:
        return new Broadcast(topic, event, undefined, bytes.toString("utf8", payloadStart));
      case KIND_BINARY:
        // What its own node would have refused came from no node of ours.
        if (fieldFault("topic", topic) ?? fieldFault("event", event)) return undefined;
        return new Broadcast(topic, event, bytes.subarray(payloadStart), undefined);
      default:
        return undefined;
    }
  }
}

/** What is wrong with a field of a binary message, which has one byte for its length. */
function fieldFault(field: string, text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  return bytes > 255 ? `${field} has ${bytes} bytes, a binary message allows 255` : undefined;
}
