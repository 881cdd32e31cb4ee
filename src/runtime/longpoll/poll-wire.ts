import type { Json } from "../../core/shared/json.js";
import type { Broadcast } from "../broadcast.js";
import type { ClientFrame, PollAnswer, PostStatus } from "./answers.js";

/** Topics that long poll uses between nodes begin with this. */
export const TOPIC_PREFIX = "phx:lp:";

/** Bytes of messages that go between nodes in one piece, or one larger message alone. Engines bound what they carry. */
export const PIECE_BYTES = 262_144;

/** What one node asks of the node that a session lives on. `drop`: nobody waits for the answer any more. */
export interface PollRequest {
  readonly kind: "poll" | "post" | "drop";
  /** The asker's own number. */
  readonly id: number;
  /** Names the asker's topic for answers. Only a name: an answer goes nowhere else than to such topics. */
  readonly from: string;
  readonly frames: readonly ClientFrame[];
}

/** What comes back: first that the session is there, then the answer. */
export type PollResponse =
  | { readonly kind: "taken"; readonly id: number }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly status: PollAnswer["status"] | PostStatus;
      readonly messages: readonly string[];
    };

/** The topic that answers to an asker go to. */
export function answerTopic(from: string): string {
  return `${TOPIC_PREFIX}answers:${from}`;
}

/** A request's payload between nodes. */
export function encodeRequest({ id, from, frames }: PollRequest): object {
  const encoded = frames.map((frame) =>
    typeof frame === "string" ? frame : { base64: Buffer.from(frame).toString("base64") },
  );
  return { id, from, frames: encoded };
}

/** Reads a request; undefined when it is something else. */
export function decodeRequest({ event, payload }: Broadcast): PollRequest | undefined {
  if (event !== "poll" && event !== "post" && event !== "drop") return undefined;
  if (!isObject(payload)) return undefined;
  const { id, from, frames } = payload;
  if (typeof id !== "number" || typeof from !== "string" || !Array.isArray(frames)) return undefined;
  return { kind: event, id, from, frames: frames.map(decodeFrame) };
}

function decodeFrame(frame: Json): ClientFrame {
  if (isObject(frame) && typeof frame.base64 === "string") return Buffer.from(frame.base64, "base64");
  return String(frame);
}

/** Reads a response; undefined when it is something else. */
export function decodeResponse({ event, payload }: Broadcast): PollResponse | undefined {
  if (!isObject(payload) || typeof payload.id !== "number") return undefined;
  const { id, status, messages } = payload;
  if (event === "taken") return { kind: "taken", id };
  if (event !== "done" || !isStatus(status) || !Array.isArray(messages)) return undefined;
  return { kind: "done", id, status, messages: messages.map(String) };
}

function isStatus(value: unknown): value is PollAnswer["status"] | PostStatus {
  return value === 200 || value === 204 || value === 408 || value === 410 || value === 413;
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** Cuts messages into pieces that engines can carry, in their order. */
export function toPieces(frames: readonly ClientFrame[]): ClientFrame[][] {
  const pieces: ClientFrame[][] = [];
  let room = 0;
  for (const frame of frames) {
    const bytes = typeof frame === "string" ? Buffer.byteLength(frame) : frame.length;
    room -= bytes;
    const last = pieces.at(-1);
    if (last === undefined || room < 0) {
      pieces.push([frame]);
      room = PIECE_BYTES - bytes;
    } else last.push(frame);
  }
  return pieces;
}
