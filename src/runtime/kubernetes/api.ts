import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { ServiceAccount } from "./service-account.js";

/** What the API answered, or why there is no answer. */
export type ApiAnswer =
  | { readonly json: unknown }
  | { readonly failure: string; readonly status?: number; readonly afterMs?: number };

/** How much of what the API says about an error is shown. */
const shownMax = 200;

/** What the commonest refusals mean to whoever runs this. */
const words: Readonly<Record<number, string>> = {
  401: "the API does not take the token of the service account (401)",
  403: "the service account may not do that (403)",
  404: "the API knows nothing of that (404)",
  410: "the rest of the list is not to be had any more (410)",
  429: "the API is too busy (429)",
};

/** What is asked of the API. */
export interface ApiRequest {
  readonly url: URL;
  /** A change of what is there, as a merge patch; undefined: nothing is changed, it is read. */
  readonly patch?: unknown;
  /** Bytes of the answer; a larger one is a failure. */
  readonly bytesMax: number;
}

/** Reads from the API; see {@link askApi}. */
export function getJson(
  url: URL,
  account: ServiceAccount,
  bytesMax: number,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  return askApi({ url, bytesMax }, account, signal);
}

/** Asks the API once, at a connection of its own. Rejects only when it is cut off by the signal. */
export async function askApi(
  asked: ApiRequest,
  account: ServiceAccount,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const { url, bytesMax } = asked;
  let response: IncomingMessage;
  try {
    response = await open(asked, account, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { failure: `the API at ${url.host} cannot be reached: ${wordsOf(error)}` };
  }
  let text: string | undefined;
  try {
    text = await readBody(response, bytesMax);
  } catch (error) {
    signal.throwIfAborted();
    return { failure: `the answer of the API broke off: ${wordsOf(error)}` };
  }
  const { statusCode: status = 0 } = response;
  if (text === undefined)
    return { failure: `the answer of the API is larger than ${bytesMax} bytes`, status };
  const json = parse(text);
  if (status === 200) return json === undefined ? { failure: "the answer of the API is no JSON" } : { json };
  const known = words[status] ?? `the API answers with status ${status}`;
  const said = messageOf(json);
  const failure = said === undefined ? known : `${known}: ${said}`;
  const seconds = Number(response.headers["retry-after"]);
  return { failure, status, ...(seconds > 0 ? { afterMs: seconds * 1_000 } : {}) };
}

function open(
  { url, patch }: ApiRequest,
  { token, ca }: ServiceAccount,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, accept: "application/json", "user-agent": "simurgh" };
    const change = patch === undefined ? {} : { "content-type": "application/merge-patch+json" };
    const method = patch === undefined ? "GET" : "PATCH";
    const options = { ca, method, headers: { ...headers, ...change }, agent: false, signal };
    const asked = request(url, options, resolve);
    asked.on("error", reject);
    asked.end(patch === undefined ? undefined : JSON.stringify(patch));
  });
}

/** Undefined: it is too large, and was not read to its end. */
async function readBody(response: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    // Without an encoding, chunks are bytes.
    const bytes: Buffer = chunk;
    length += bytes.length;
    // Leaving the loop destroys the response.
    if (length > bytesMax) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is told by whoever needed it.
    return undefined;
  }
}

/** What an object of kind Status says. */
function messageOf(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null || !("message" in json)) return undefined;
  const { message } = json;
  if (typeof message !== "string") return undefined;
  return message.replace(/[^\x20-\x7e]/g, " ").slice(0, shownMax);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}
