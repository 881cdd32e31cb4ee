import type { Json } from "../shared/json.js";
import { type Message, ProtocolFault } from "./message.js";

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_BRACKET = 91;
const LOWER_N = 110;

/**
 * Decodes `[join_ref, ref, topic, event, payload]`.
 *
 * Every client writes it without spaces and without escapes in the first four elements, so that form is read by
 * hand and only the payload goes to `JSON.parse`. Anything else takes the general way; both agree on every input.
 */
export function decodeV2(text: string): Message | ProtocolFault {
  return decodePlainly(text) ?? decodeGenerally(text);
}

function decodePlainly(text: string): Message | undefined {
  if (text.charCodeAt(0) !== OPEN_BRACKET) return undefined;
  const afterJoinRef = endOfElement(text, 1);
  if (afterJoinRef < 0) return undefined;
  const afterRef = endOfElement(text, afterJoinRef + 1);
  if (afterRef < 0) return undefined;
  const afterTopic = endOfElement(text, afterRef + 1);
  if (afterTopic < 0) return undefined;
  const afterEvent = endOfElement(text, afterTopic + 1);
  if (afterEvent < 0) return undefined;
  let payload: Json;
  try {
    payload = JSON.parse(text.slice(afterEvent + 1, -1));
  } catch {
    return undefined; // More than five elements, or no JSON at all: the general way tells.
  }
  if (text.charCodeAt(text.length - 1) !== 93) return undefined;
  return {
    joinRef: element(text, 1, afterJoinRef),
    ref: element(text, afterJoinRef + 1, afterRef),
    topic: element(text, afterRef + 1, afterTopic),
    event: element(text, afterTopic + 1, afterEvent),
    payload,
  };
}

/** Where the comma after the element at `start` is, or -1 when it is neither `null` nor a string without escapes. */
function endOfElement(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === LOWER_N) return text.startsWith("null,", start) ? start + 4 : -1;
  if (first !== QUOTE) return -1;
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return text.charCodeAt(i + 1) === COMMA ? i + 1 : -1;
    if (code === BACKSLASH || code < 32) return -1;
  }
  return -1;
}

function element(text: string, start: number, end: number): string | null {
  return text.charCodeAt(start) === LOWER_N ? null : text.slice(start + 1, end - 1);
}

function decodeGenerally(text: string): Message | ProtocolFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new ProtocolFault("not JSON");
  }
  if (!Array.isArray(value)) return new ProtocolFault("not an array");
  if (value.length < 5) return new ProtocolFault("fewer than five elements");
  const [joinRef, ref, topic, event, payload] = value;
  return { joinRef, ref, topic, event, payload };
}

/** Encodes a V2 text frame out of parts that are JSON already. */
export function encodeV2(
  joinRef: string,
  ref: string,
  topic: string,
  event: string,
  payload: string,
): string {
  return `[${joinRef},${ref},${topic},${event},${payload}]`;
}

/** The payload of a reply in V1 and V2, out of parts that are JSON already. */
export function encodeReplyPayload(status: string, response: string): string {
  return `{"status":${status},"response":${response}}`;
}
