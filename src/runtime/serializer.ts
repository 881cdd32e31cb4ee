import type { Frame } from "../contracts/frame.js";
import { type Message, ProtocolFault, phx, type Ref } from "../core/protocol/message.js";
import { quoteRef } from "../core/protocol/quote.js";
import { decodeV1, encodeV1 } from "../core/protocol/v1-json.js";
import {
  decodeV2Binary,
  encodeBinaryBroadcast,
  encodeBinaryPush,
  encodeBinaryReply,
  FieldTooLong,
  type Utf8,
} from "../core/protocol/v2-binary.js";
import { decodeV2, encodeReplyPayload, encodeV2 } from "../core/protocol/v2-json.js";
import type { Vsn } from "../core/protocol/vsn.js";
import type { Json } from "../core/shared/json.js";
import type { Broadcast } from "./broadcast.js";
import { SimurghError } from "./errors.js";
import { EncodedFrame } from "./frame.js";
import { toJson, toObjectJson } from "./payload.js";

/** Where a frame of a channel goes: its topic and the join_ref it was joined with, as values and as JSON. */
export interface WireAddress {
  readonly topic: Json;
  readonly topicJson: string;
  readonly joinRef: Ref;
  readonly joinRefJson: string;
}

/** One version of the wire, both ways. Stateless; a process has one of each. */
export interface Serializer {
  /** Index into per-serializer caches. */
  readonly slot: 0 | 1;
  readonly vsn: "1.0.0" | "2.0.0";
  decodeText(text: string): Message | ProtocolFault;
  decodeBinary(bytes: Uint8Array): Message | ProtocolFault;
  reply(to: WireAddress, ref: Ref, status: string, response: unknown): Frame;
  push(to: WireAddress, event: string, payload: object): Frame;
  /** The frame of a broadcast; encoded at the first call, shared afterwards. */
  broadcast(broadcast: Broadcast): Frame;
  /** `phx_close` and `phx_error`: their ref is the join_ref. */
  ended(to: WireAddress, event: typeof phx.close | typeof phx.error, payloadJson: string): Frame;
}

const utf8: Utf8 = {
  decode: (bytes, start, end) =>
    Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8"),
  encode: (text) => Buffer.from(text, "utf8"),
};

const REPLY_EVENT = JSON.stringify(phx.reply);
const OK_STATUS = JSON.stringify("ok");

function statusJson(status: string): string {
  return status === "ok" ? OK_STATUS : JSON.stringify(status);
}

/** A ref in a binary frame: text as it is, null as nothing, anything else as its JSON. */
function binaryRef(ref: Ref): string {
  if (ref === null) return "";
  return typeof ref === "string" ? ref : JSON.stringify(ref);
}

function binaryFrame(encode: () => Uint8Array): Frame {
  try {
    return EncodedFrame.ofBinary(encode());
  } catch (cause) {
    if (cause instanceof FieldTooLong) throw new SimurghError("field_too_long", cause.message, { cause });
    throw cause;
  }
}

const v2: Serializer = {
  slot: 1,
  vsn: "2.0.0",
  decodeText: decodeV2,
  decodeBinary: (bytes) => decodeV2Binary(bytes, utf8),
  reply(to, ref, status, response) {
    if (response instanceof Uint8Array) {
      const topic = String(to.topic);
      return binaryFrame(() =>
        encodeBinaryReply(binaryRef(to.joinRef), binaryRef(ref), topic, status, response, utf8),
      );
    }
    const payload = encodeReplyPayload(statusJson(status), toJson(response));
    return EncodedFrame.ofText(encodeV2(to.joinRefJson, quoteRef(ref), to.topicJson, REPLY_EVENT, payload));
  },
  push(to, event, payload) {
    if (payload instanceof Uint8Array) {
      const topic = String(to.topic);
      return binaryFrame(() => encodeBinaryPush(binaryRef(to.joinRef), topic, event, payload, utf8));
    }
    const eventJson = JSON.stringify(event);
    return EncodedFrame.ofText(
      encodeV2(to.joinRefJson, "null", to.topicJson, eventJson, toObjectJson(payload)),
    );
  },
  broadcast(broadcast) {
    const cached = broadcast.frames[1];
    if (cached !== undefined) return cached;
    const { topic, event, binary, json } = broadcast;
    const frame =
      binary === undefined
        ? EncodedFrame.ofText(
            encodeV2("null", "null", JSON.stringify(topic), JSON.stringify(event), json ?? "{}"),
          )
        : binaryFrame(() => encodeBinaryBroadcast(topic, event, binary, utf8));
    broadcast.frames[1] = frame;
    return frame;
  },
  ended: (to, event, payloadJson) =>
    EncodedFrame.ofText(encodeV2(to.joinRefJson, to.joinRefJson, to.topicJson, `"${event}"`, payloadJson)),
};

function refuseBinary(payload: unknown): void {
  if (payload instanceof Uint8Array) {
    throw new SimurghError("payload_binary_v1", "the client speaks V1, which has no binary messages");
  }
}

const v1: Serializer = {
  slot: 0,
  vsn: "1.0.0",
  decodeText: decodeV1,
  decodeBinary: () => new ProtocolFault("binary frame under V1"),
  reply(to, ref, status, response) {
    refuseBinary(response);
    const payload = encodeReplyPayload(statusJson(status), toJson(response));
    return EncodedFrame.ofText(encodeV1(quoteRef(ref), to.topicJson, REPLY_EVENT, payload));
  },
  push(to, event, payload) {
    refuseBinary(payload);
    return EncodedFrame.ofText(encodeV1("null", to.topicJson, JSON.stringify(event), toObjectJson(payload)));
  },
  broadcast(broadcast) {
    const cached = broadcast.frames[0];
    if (cached !== undefined) return cached;
    refuseBinary(broadcast.binary);
    const { topic, event, json } = broadcast;
    const frame = EncodedFrame.ofText(
      encodeV1("null", JSON.stringify(topic), JSON.stringify(event), json ?? "{}"),
    );
    broadcast.frames[0] = frame;
    return frame;
  },
  ended: (to, event, payloadJson) =>
    EncodedFrame.ofText(encodeV1(to.joinRefJson, to.topicJson, `"${event}"`, payloadJson)),
};

/** The serializer of a negotiated version. */
export function serializerFor(vsn: Vsn): Serializer {
  return vsn === 1 ? v1 : v2;
}
