import { type Message, ProtocolFault } from "./message.js";

/** Decodes `{topic, event, payload, ref}`; `join_ref` is optional, the other keys are not. */
export function decodeV1(text: string): Message | ProtocolFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new ProtocolFault("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return new ProtocolFault("not an object");
  for (const key of ["topic", "event", "payload", "ref"]) {
    if (!Object.hasOwn(value, key)) return new ProtocolFault(`without ${key}`);
  }
  // The four keys were just found, and JSON.parse makes nothing but Json.
  const fields = value as unknown as Message & { readonly join_ref?: Message["joinRef"] };
  const joinRef = Object.hasOwn(value, "join_ref") ? (fields.join_ref ?? null) : null;
  return { joinRef, ref: fields.ref, topic: fields.topic, event: fields.event, payload: fields.payload };
}

/** Encodes a V1 text frame out of parts that are JSON already. V1 never carries a join_ref outwards. */
export function encodeV1(ref: string, topic: string, event: string, payload: string): string {
  return `{"topic":${topic},"event":${event},"payload":${payload},"ref":${ref}}`;
}
