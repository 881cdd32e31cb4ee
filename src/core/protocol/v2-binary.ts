import { type Message, ProtocolFault } from "./message.js";

/** UTF-8 as the platform does it; the core has none of its own. */
export interface Utf8 {
  decode(bytes: Uint8Array, start: number, end: number): string;
  encode(text: string): Uint8Array;
}

const KIND_PUSH = 0;
const KIND_REPLY = 1;
const KIND_BROADCAST = 2;

/** A field of a binary frame that does not fit its one length byte. The sender's fault, so it is thrown to him. */
export class FieldTooLong extends Error {
  override readonly name = "FieldTooLong";
  constructor(field: string, size: number) {
    super(`${field} has ${size} bytes, a binary message allows 255`);
  }
}

/** Decodes a client's push: `00 | jlen | rlen | tlen | elen | join_ref | ref | topic | event | data`. */
export function decodeV2Binary(bytes: Uint8Array, utf8: Utf8): Message | ProtocolFault {
  const [kind, joinRefLength, refLength, topicLength, eventLength] = bytes;
  if (kind !== KIND_PUSH)
    return new ProtocolFault(kind === undefined ? "empty binary frame" : `binary kind ${kind}`);
  if (
    joinRefLength === undefined ||
    refLength === undefined ||
    topicLength === undefined ||
    eventLength === undefined
  ) {
    return new ProtocolFault("truncated binary header");
  }
  const ref = 5 + joinRefLength;
  const topic = ref + refLength;
  const event = topic + topicLength;
  const data = event + eventLength;
  if (data > bytes.length) return new ProtocolFault("truncated binary frame");
  return {
    // A length of zero is the empty string, not null: an empty join_ref is stale for every joined channel.
    joinRef: utf8.decode(bytes, 5, ref),
    ref: utf8.decode(bytes, ref, topic),
    topic: utf8.decode(bytes, topic, event),
    event: utf8.decode(bytes, event, data),
    payload: bytes.subarray(data),
  };
}

/** Encodes `00 | jlen | tlen | elen | join_ref | topic | event | data`: a push to the client carries no ref. */
export function encodeBinaryPush(
  joinRef: string,
  topic: string,
  event: string,
  data: Uint8Array,
  utf8: Utf8,
): Uint8Array {
  return assemble(
    KIND_PUSH,
    [
      ["join_ref", joinRef],
      ["topic", topic],
      ["event", event],
    ],
    data,
    utf8,
  );
}

/** Encodes `01 | jlen | rlen | tlen | slen | join_ref | ref | topic | status | data`. */
export function encodeBinaryReply(
  joinRef: string,
  ref: string,
  topic: string,
  status: string,
  data: Uint8Array,
  utf8: Utf8,
): Uint8Array {
  return assemble(
    KIND_REPLY,
    [
      ["join_ref", joinRef],
      ["ref", ref],
      ["topic", topic],
      ["status", status],
    ],
    data,
    utf8,
  );
}

/** Encodes `02 | tlen | elen | topic | event | data`. */
export function encodeBinaryBroadcast(
  topic: string,
  event: string,
  data: Uint8Array,
  utf8: Utf8,
): Uint8Array {
  return assemble(
    KIND_BROADCAST,
    [
      ["topic", topic],
      ["event", event],
    ],
    data,
    utf8,
  );
}

function assemble(
  kind: number,
  fields: readonly (readonly [name: string, text: string])[],
  data: Uint8Array,
  utf8: Utf8,
): Uint8Array {
  const parts = fields.map(([name, text]) => {
    const part = utf8.encode(text);
    if (part.length > 255) throw new FieldTooLong(name, part.length);
    return part;
  });
  const header = 1 + parts.length;
  const size = parts.reduce((sum, part) => sum + part.length, header + data.length);
  const frame = new Uint8Array(size);
  frame[0] = kind;
  let offset = header;
  parts.forEach((part, i) => {
    frame[1 + i] = part.length;
    frame.set(part, offset);
    offset += part.length;
  });
  frame.set(data, offset);
  return frame;
}
