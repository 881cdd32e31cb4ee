import { WebSocket } from "ws";
import { type AskOptions, ask } from "./http.js";
import { until } from "./wait.js";

/** One frame from the server: text, or bytes. */
export type Received = string | Buffer;

/** A client of the bare wire, over any transport. */
export interface WireClient {
  /** Resolves when the frame was handed over; over long poll, when the server has handled it. */
  send(frame: string | Uint8Array): Promise<void>;
  /** The next frame from the server. Rejects when none comes. */
  next(): Promise<Received>;
  /** How the connection ended; undefined while it is open. Over long poll the status of the last answer. */
  readonly closing: { readonly code: number; readonly reason: string } | undefined;
  close(): void;
}

/** Frames as they come, handed out one by one. */
class Inbox {
  readonly #frames: Received[] = [];

  push(frame: Received): void {
    this.#frames.push(frame);
  }

  async next(client: Pick<WireClient, "closing">): Promise<Received> {
    await until(() => this.#frames.length > 0 || client.closing !== undefined, "a frame from the server");
    const frame = this.#frames.shift();
    if (frame === undefined) throw new Error(`closed with ${client.closing?.code} instead of a frame`);
    return frame;
  }
}

/** Settings of a WebSocket's handshake. */
export interface WireOptions {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** Connects over WebSocket. `target` is path and query. Rejects when the handshake fails. */
export async function openWire(port: number, target: string, options: WireOptions = {}): Promise<WireClient> {
  const { protocols = [], headers = {} } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, [...protocols], { headers });
  const inbox = new Inbox();
  let closing: WireClient["closing"];
  // Text and bytes are one Buffer each, as the default of `binaryType` has it.
  socket.on("message", (data: Buffer, isBinary) => inbox.push(isBinary ? data : data.toString()));
  socket.on("close", (code, reason) => {
    closing = { code, reason: String(reason) };
  });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.on("error", reject);
  });
  const client: WireClient = {
    async send(frame) {
      socket.send(frame);
    },
    next: () => inbox.next(client),
    get closing() {
      return closing;
    },
    close: () => socket.terminate(),
  };
  return client;
}

/** What a long-poll request was answered. */
export interface PollAnswer {
  readonly http: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly status?: number;
  readonly token?: string;
  readonly messages?: readonly string[];
}

/** One long-poll request. */
export async function askPoll(port: number, target: string, options: AskOptions = {}): Promise<PollAnswer> {
  const { status, headers, body } = await ask(port, target, options);
  return { ...(body === "" ? {} : JSON.parse(body)), http: status, headers };
}

/** Settings of a long-poll client. */
export interface LongPollOptions {
  readonly headers?: Record<string, string>;
  /** The port for each request. Default: always the same. */
  readonly ports?: () => number;
}

/** Connects by long poll, and polls until the session is gone or the client closes. */
export async function openLongPoll(
  port: number,
  target: string,
  { headers = {}, ports = () => port }: LongPollOptions = {},
): Promise<WireClient> {
  const first = await askPoll(ports(), target, { headers });
  if (first.status !== 410 || first.token === undefined) throw new Error(`refused with ${first.status}`);
  const withToken = { ...headers, "x-phoenix-longpoll-token": first.token };
  const inbox = new Inbox();
  let closing: WireClient["closing"];
  const end = (code: number) => {
    closing ??= { code, reason: "" };
  };
  const poll = async () => {
    while (closing === undefined) {
      const answer = await askPoll(ports(), target, { headers: withToken });
      for (const message of answer.messages ?? []) inbox.push(message);
      if (answer.status !== 200 && answer.status !== 204) end(answer.status ?? answer.http);
    }
  };
  void poll().catch(() => end(0));
  const post = (body: string, type: string) =>
    askPoll(ports(), target, { method: "POST", body, headers: { ...withToken, "content-type": type } });
  const client: WireClient = {
    async send(frame) {
      if (typeof frame === "string") await post(frame, "application/json");
      else await post(Buffer.from(frame).toString("base64"), "application/x-ndjson");
    },
    next: () => inbox.next(client),
    get closing() {
      return closing;
    },
    close: () => end(0),
  };
  return client;
}

/** Sends a message, written as JSON. */
export function sendJson(client: WireClient, message: unknown): Promise<void> {
  return client.send(JSON.stringify(message));
}

/** The next frame, which must be text, as the value that it stands for. */
export async function nextJson(client: WireClient): Promise<unknown> {
  const frame = await client.next();
  if (typeof frame !== "string") throw new Error(`bytes instead of text: ${frame.toString("hex")}`);
  return JSON.parse(frame);
}
