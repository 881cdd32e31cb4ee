import type { IncomingMessage, ServerResponse } from "node:http";
import type { Handshake } from "../../runtime/connect-request.js";
import { header, originPasses, queryParams } from "../../runtime/handshake-parts.js";
import type { HttpAnswer } from "../../runtime/http-answer.js";
import { type LongPoll, UNAVAILABLE } from "../../runtime/longpoll/long-poll.js";
import { readPostBody } from "../../runtime/longpoll/post-body.js";
import { send } from "./raw-answer.js";

/** Bytes of one body, as Plug has it. Beyond: 400. */
const BODY_BYTES_MAX = 8_000_000;

const TOKEN_HEADER = "x-phoenix-longpoll-token";

/** Pages of other origins may read the answers: the origin is checked before each. */
const OPEN_TO_ALL = { "access-control-allow-origin": "*" };
const BAD_REQUEST: HttpAnswer = { status: 400, headers: OPEN_TO_ALL };

/** One long-poll request. The HTTP status is 200 nearly always; clients look at the status in the body. */
export class LongPollRequest {
  readonly #longPoll: LongPoll;
  readonly #handshake: Handshake;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #serving: () => boolean;

  /** `serving` tells whether the node takes sessions now. */
  constructor(
    longPoll: LongPoll,
    handshake: Handshake,
    request: IncomingMessage,
    response: ServerResponse,
    serving: () => boolean,
  ) {
    this.#longPoll = longPoll;
    this.#handshake = handshake;
    this.#request = request;
    this.#response = response;
    this.#serving = serving;
  }

  /** Answers it. Rejects with what the application's check of the origin throws, and when an engine refuses a topic. */
  async answer(): Promise<void> {
    if (!originPasses(this.#longPoll.mount.policy.origin, this.#handshake))
      return this.#json({ status: 403 });
    switch (this.#handshake.method) {
      case "OPTIONS":
        return this.#send(preflight(this.#handshake));
      case "GET":
        return this.#poll();
      case "POST":
        return this.#post();
      default:
        return this.#send(BAD_REQUEST);
    }
  }

  async #poll(): Promise<void> {
    const gone = new AbortController();
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) gone.abort();
    });
    const reply = this.#serving()
      ? await this.#longPoll.poll(this.#handshake, tokenOf(this.#handshake), gone.signal)
      : UNAVAILABLE;
    if ("http" in reply) this.#json({ status: reply.status }, reply.http, reply.headers);
    else this.#json(reply);
  }

  async #post(): Promise<void> {
    const target = this.#longPoll.find(tokenOf(this.#handshake));
    if (target === undefined) return this.#json({ status: 410 });
    const body = await readBody(this.#request);
    if (body === "gone") return;
    // Node reads what still comes and drops it; were the connection cut, the client might never see the answer.
    if (body === "too_large") return this.#send(BAD_REQUEST);
    const type = header(this.#handshake, "content-type");
    const { frames, whole } = readPostBody(type, body.toString("utf8"));
    const status = await target.post(frames);
    if (whole || status !== 200) this.#json({ status });
    else this.#send(BAD_REQUEST);
  }

  #json(body: object, httpStatus = 200, more: HttpAnswer["headers"] = {}): void {
    const headers = {
      ...more,
      ...OPEN_TO_ALL,
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
    };
    this.#send({ status: httpStatus, headers, body: JSON.stringify(body) });
  }

  #send(answer: HttpAnswer): void {
    // A client that polls on would keep its connection, and with it a server that is to end.
    if (!this.#serving()) this.#response.setHeader("connection", "close");
    send(this.#response, answer);
  }
}

function preflight(handshake: Handshake): HttpAnswer {
  const headers = {
    ...OPEN_TO_ALL,
    "access-control-allow-headers": header(handshake, "access-control-request-headers") ?? "",
    "access-control-allow-methods": "get, post, options",
    "access-control-max-age": "3600",
  };
  return { status: 200, headers };
}

/** The token in the header wins over the one in the query. */
function tokenOf(handshake: Handshake): string | undefined {
  const { token } = queryParams(handshake);
  return header(handshake, TOKEN_HEADER) ?? (typeof token === "string" ? token : undefined);
}

/** The whole body; or why there is none. */
function readBody(request: IncomingMessage): Promise<Buffer | "gone" | "too_large"> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) {
        chunks.push(chunk);
        return;
      }
      request.off("data", onData);
      resolve("too_large");
    };
    request.on("data", onData);
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => resolve("gone"));
    request.on("close", () => resolve("gone"));
  });
}
