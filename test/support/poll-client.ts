import { request } from "node:http";
import type { AskOptions } from "./http.js";
import { askPoll, type PollAnswer } from "./wire-client.js";

/** One long-poll session, request by request. */
export interface Poller {
  readonly token: string;
  /** One GET; `port` may be another node's. */
  get(port?: number): Promise<PollAnswer>;
  /** One POST of one text message. */
  post(message: unknown, port?: number): Promise<PollAnswer>;
  /** One POST of lines. */
  postLines(lines: readonly string[], port?: number): Promise<PollAnswer>;
  /** The messages of one GET, as values. */
  messages(port?: number): Promise<unknown[]>;
}

/** The requests of a session whose token is known. */
export function poller(port: number, target: string, token: string): Poller {
  const headers = { "x-phoenix-longpoll-token": token };
  const ask = (at: number, options: AskOptions) =>
    askPoll(at, target, { ...options, headers: { ...headers, ...options.headers } });
  const get = (at = port) => ask(at, {});
  return {
    token,
    get,
    post: (message, at = port) => ask(at, { method: "POST", body: JSON.stringify(message) }),
    postLines: (lines, at = port) =>
      ask(at, {
        method: "POST",
        body: lines.join("\n"),
        headers: { "content-type": "application/x-ndjson" },
      }),
    messages: async (at = port) => ((await get(at)).messages ?? []).map((text) => JSON.parse(text)),
  };
}

/** Opens a session. */
export async function startPolling(port: number, target = "/socket/longpoll?vsn=2.0.0"): Promise<Poller> {
  const { token, status } = await askPoll(port, target);
  if (token === undefined) throw new Error(`no session, but ${status}`);
  return poller(port, target, token);
}

/** A GET whose client goes away when told. */
export function abandonedPoll(port: number, target: string, token: string): { abandon(): Promise<void> } {
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path: target,
    headers: { "x-phoenix-longpoll-token": token },
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.end();
  return {
    abandon: () =>
      new Promise((resolve) => {
        outgoing.once("close", resolve);
        outgoing.destroy();
      }),
  };
}
