import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpAnswer } from "../../runtime/connect.js";
import { header, originPasses, queryParams } from "../../runtime/connect.js";
import type { Handshake } from "../../runtime/connect-request.js";
import type { PollTarget } from "../../runtime/longpoll/answers.js";
import { type LongPoll, UNAVAILABLE } from "../../runtime/longpoll/long-poll.js";
import { readPostBody } from "../../runtime/longpoll/post-body.js";
import { send } from "./raw-answer.js";

/** Bytes of one body, as Plug has it. Beyond: 400. */
const BODY_BYTES_MAX = 8_000_000;

const TOKEN_HEADER = "x-phoenix-longpoll-token";

/** Pages of other origins may read the answers: the origin is checked before each. */
const OPEN_TO_ALL = { "access-control-allow-origin": "*" };
const BAD_REQUEST: HttpAnswer = { status: 400, headers: OPEN_TO_ALL };

/** Answers one long-poll request. The HTTP status is 200 nearly always; clients look at the status in the body. */
export async function answerLongPoll(
  longPoll: LongPoll,
  handshake: Handshake,
  request: IncomingMessage,
  response: ServerResponse,
  serving: boolean,
): Promise<void> {
  if (!originPasses(longPoll.mount.policy.origin, handshake)) return status(response, 403);
  switch (handshake.method) {
    case "OPTIONS":
      return void send(response, preflight(handshake));
    case "GET":
      return answerPoll(longPoll, handshake, response, serving);
    case "POST":
      return answerPost(longPoll, handshake, request, response);
    default:
      return void send(response, BAD_REQUEST);
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

async function answerPoll(
  longPoll: LongPoll,
  handshake: Handshake,
  response: ServerResponse,
  serving: boolean,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const reply = serving ? await longPoll.poll(handshake, tokenOf(handshake), gone.signal) : UNAVAILABLE;
  if (reply.status === 500) return json(response, { status: 500 }, reply.http);
  json(response, reply);
}

async function answerPost(
  longPoll: LongPoll,
  handshake: Handshake,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = longPoll.find(tokenOf(handshake));
  if (target === undefined) return status(response, 410);
  const body = await readBody(request);
  if (body === "gone") return;
  // Node reads what still comes and drops it; were the connection cut, the client might never see the answer.
  if (body === "too_large") return void send(response, BAD_REQUEST);
  await postBody(target, header(handshake, "content-type"), body, response);
}

async function postBody(
  target: PollTarget,
  contentType: string | undefined,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { frames, whole } = readPostBody(contentType, body.toString("utf8"));
  const handled = await target.post(frames);
  if (whole || handled !== 200) status(response, handled);
  else send(response, BAD_REQUEST);
}

/** The token in the header wins over the one in the query. */
function tokenOf(handshake: Handshake): string | undefined {
  const { token } = queryParams(handshake);
  return header(handshake, TOKEN_HEADER) ?? (typeof token === "string" ? token : undefined);
}

function status(response: ServerResponse, meaning: number): void {
  json(response, { status: meaning });
}

function json(response: ServerResponse, body: object, httpStatus = 200): void {
  const headers = {
    ...OPEN_TO_ALL,
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
  };
  send(response, { status: httpStatus, headers, body: JSON.stringify(body) });
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
