import { expect } from "vitest";
import { nextJson, openWire, sendJson, type WireClient } from "./wire-client.js";

/** A client of V2 over WebSocket, with the words of channels. */
export interface ChannelClient {
  readonly wire: WireClient;
  send(...message: unknown[]): Promise<void>;
  /** The next frame from the server. */
  next(): Promise<unknown>;
  /** Joins, and expects to be let in; the topic's join_ref. */
  join(topic: string, joinRef?: string): Promise<void>;
  /** Proves that nothing has been sent: the answer to a heartbeat is the very next frame. */
  silence(): Promise<void>;
}

/** The frame of a reply. */
export const replyFrame = (
  joinRef: unknown,
  ref: unknown,
  topic: string,
  status: string,
  response: unknown = {},
) => [joinRef, ref, topic, "phx_reply", { status, response }];

/** The frame that ends a channel after a crash. */
export const errorFrame = (joinRef: string, topic: string) => [
  joinRef,
  joinRef,
  topic,
  "phx_error",
  { reason: "channel_crash" },
];

/** The frame that ends a channel in good order. */
export const closeFrame = (joinRef: string, topic: string) => [joinRef, joinRef, topic, "phx_close", {}];

/** Connects to `/socket`; `query` goes with the version. */
export async function connectChannels(port: number, query = ""): Promise<ChannelClient> {
  const wire = await openWire(port, `/socket/websocket?vsn=2.0.0&${query}`);
  const send = (...message: unknown[]) => sendJson(wire, message);
  const next = () => nextJson(wire);
  return {
    wire,
    send,
    next,
    async join(topic, joinRef = "1") {
      await send(joinRef, joinRef, topic, "phx_join", {});
      expect(await next()).toEqual(replyFrame(joinRef, joinRef, topic, "ok"));
    },
    async silence() {
      await send(null, "silence", "phoenix", "heartbeat", {});
      expect(await next()).toEqual(replyFrame(null, "silence", "phoenix", "ok"));
    },
  };
}
