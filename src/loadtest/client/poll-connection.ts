import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Handshake } from "../wire/handshake.js";
import type { Connection, ConnectionOwner } from "./connection.js";

/** As phoenix.js: a poll that takes longer is over. */
const pollMsMax = 20_000;
/** As phoenix.js: at most so many messages in one POST. */
const batchMax = 100;
const answerBytesMax = 67_108_864;
const gone = 410;
const fetched = 200;
const nothing = 204;
const refused = 403;

/** All clients of a process share their sockets; each poll takes one for as long as it waits. */
const httpAgent = new HttpAgent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
const httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

interface Answer {
  readonly status?: unknown;
  readonly token?: unknown;
  readonly messages?: unknown;
}

/** A client that polls, as phoenix.js does where WebSockets are not to be had. */
export class PollConnection implements Connection {
  readonly #handshake: Handshake;
  readonly #source: string | undefined;
  readonly #owner: ConnectionOwner;
  readonly #abort = new AbortController();
  #token: string | undefined;
  #queue: string[] = [];
  #isPolling = false;
  #isPosting = false;
  #isHeld = false;
  #over = false;

  constructor(handshake: Handshake, source: string | undefined, owner: ConnectionOwner) {
    this.#handshake = handshake;
    this.#source = source;
    this.#owner = owner;
    this.#poll();
  }

  send(text: string): number {
    if (this.#over) return 0;
    this.#queue.push(text);
    queueMicrotask(() => this.#post());
    return Buffer.byteLength(text);
  }

  drop(): void {
    this.#over = true;
    this.#abort.abort();
  }

  hold(held: boolean): void {
    this.#isHeld = held;
    if (!held) this.#poll();
  }

  #end(reason: string, code: number): void {
    if (this.#over) return;
    this.drop();
    this.#owner.onEnd(reason, code);
  }

  #poll(): void {
    if (this.#over || this.#isHeld || this.#isPolling) return;
    this.#isPolling = true;
    this.#ask("GET", undefined, (answer) => {
      this.#isPolling = false;
      this.#onPoll(answer);
    });
  }

  #onPoll({ status, token, messages }: Answer): void {
    if (status === gone && typeof token === "string" && this.#token === undefined) {
      this.#token = token;
      this.#owner.onOpen();
    } else if (status === gone) return this.#end("the poll's session is gone", 1006);
    else if (status === refused) return this.#end("handshake answered with 403", 1006);
    else if (status === fetched && Array.isArray(messages)) this.#deliver(messages);
    else if (status !== nothing) return this.#end(`poll answered with ${JSON.stringify(status)}`, 1006);
    this.#poll();
  }

  #deliver(messages: readonly unknown[]): void {
    for (const message of messages) {
      if (this.#over) return;
      this.#owner.onText(Buffer.from(String(message)), 0);
    }
  }

  #post(): void {
    if (this.#over || this.#isPosting || this.#queue.length === 0) return;
    this.#isPosting = true;
    const { url } = this.#handshake;
    // A line of V1 would be taken for a binary frame, so V1 sends each message alone.
    const isV1 = (url.searchParams.get("vsn") ?? "").startsWith("1.");
    const batch = this.#queue.splice(0, isV1 ? 1 : batchMax);
    this.#ask("POST", batch.join("\n"), ({ status }) => {
      this.#isPosting = false;
      if (status === fetched) this.#post();
      else this.#end(`post answered with ${JSON.stringify(status)}`, 1006);
    });
  }

  #ask(method: "GET" | "POST", body: string | undefined, onAnswer: (answer: Answer) => void): void {
    const { url, headers, authToken } = this.#handshake;
    const isSecure = url.protocol === "wss:";
    const target = new URL(url.href.replace(/^ws/, "http"));
    target.pathname = target.pathname.replace(/\/websocket$/, "/longpoll");
    if (this.#token !== undefined) target.searchParams.set("token", this.#token);
    const isV1 = (url.searchParams.get("vsn") ?? "").startsWith("1.");
    const request = (isSecure ? httpsRequest : httpRequest)(target, {
      method,
      agent: isSecure ? httpsAgent : httpAgent,
      signal: this.#abort.signal,
      timeout: pollMsMax,
      headers: {
        ...headers,
        ...(authToken === null ? {} : { "x-phoenix-authtoken": authToken }),
        ...(body === undefined ? {} : { "content-type": isV1 ? "application/json" : "application/x-ndjson" }),
      },
      ...(this.#source === undefined ? {} : { localAddress: this.#source }),
    });
    request.on("response", (response) => this.#read(response, onAnswer));
    request.on("timeout", () => this.#end("a poll was not answered in time", 1006));
    request.on("error", (error: NodeJS.ErrnoException) => this.#end(error.code ?? error.message, 1006));
    request.end(body);
  }

  #read(response: IncomingMessage, onAnswer: (answer: Answer) => void): void {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > answerBytesMax) this.#end("nonsense: a poll's answer that does not end", 1006);
    });
    response.on("error", (error) => this.#end(error.message, 1006));
    response.on("end", () => {
      if (this.#over) return;
      this.#owner.onBytes(Buffer.byteLength(text));
      const answer = parsed(text);
      if (answer === undefined)
        this.#end(`nonsense: a poll answered with ${response.statusCode} and no JSON`, 1006);
      else onAnswer(answer);
    });
  }
}

function parsed(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
