import type { Message, ProtocolFault } from "../../core/protocol/message.js";
import { decodeV1, encodeV1 } from "../../core/protocol/v1-json.js";
import { decodeV2, encodeV2 } from "../../core/protocol/v2-json.js";
import type { Json } from "../../core/shared/json.js";

/** The text of a client's message. `payload` is JSON already. */
export function encodeMessage(
  vsn: 1 | 2,
  joinRef: string | null,
  ref: string,
  topic: string,
  event: string,
  payload: string,
): string {
  const [topicJson, eventJson] = [JSON.stringify(topic), JSON.stringify(event)];
  if (vsn === 1) return encodeV1(`"${ref}"`, topicJson, eventJson, payload);
  return encodeV2(joinRef === null ? "null" : `"${joinRef}"`, `"${ref}"`, topicJson, eventJson, payload);
}

/** Decodes a server's message of either version. */
export function decodeMessage(vsn: 1 | 2, text: string): Message | ProtocolFault {
  return vsn === 1 ? decodeV1(text) : decodeV2(text);
}

const QUOTE = 34;
const BACKSLASH = 92;
const LOWER_N = 110;
const v1Reply = Buffer.from('"phx_reply"', "latin1");

/**
 * Whether a frame is a reply, so that a stamp in it is an echo and no delivery. In V2 only replies (and the end of a
 * channel) have a ref; in V1 the order of the keys is open, so the event's name is looked for.
 */
export function isReply(vsn: 1 | 2, frame: Buffer): boolean {
  if (vsn === 1) return frame.includes(v1Reply);
  let at = 1;
  if (frame[at] === QUOTE) {
    at += 1;
    while (at < frame.length && frame[at] !== QUOTE) at += frame[at] === BACKSLASH ? 2 : 1;
    at += 2;
  } else {
    const comma = frame.indexOf(",", at);
    if (comma < 0) return false;
    at = comma + 1;
  }
  while (frame[at] === 32) at += 1;
  return frame[at] !== LOWER_N;
}

/** The status of a reply and why it was refused, when its payload says so. */
export function replyOf(payload: Message["payload"]): { status: string; reason: string } {
  if (payload instanceof Uint8Array || !isObject(payload)) return { status: "", reason: "" };
  const { status, response } = payload;
  const reason = isObject(response) ? response.reason : undefined;
  return {
    status: typeof status === "string" ? status : "",
    reason: typeof reason === "string" ? reason : reason === undefined ? "" : JSON.stringify(reason),
  };
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
