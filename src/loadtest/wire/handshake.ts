import { createHash, randomBytes } from "node:crypto";

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** One key serves all connections of a process: it only has to be unknown to caches on the way. */
const key = randomBytes(16).toString("base64");
const accept = createHash("sha1")
  .update(key + guid)
  .digest("base64");
const headBytesMax = 65_536;

/** What a connection is opened with. */
export interface Handshake {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly authToken: string | null;
}

/** The bytes of the request. */
export function handshakeRequest({ url, headers, authToken }: Handshake): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    ...(authToken === null ? [] : [`Sec-WebSocket-Protocol: phoenix, ${bearer(authToken)}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The protocol name in which phoenix.js carries its token: standard base64 without its padding. */
function bearer(token: string): string {
  return `base64url.bearer.phx.${Buffer.from(token).toString("base64").replaceAll("=", "")}`;
}

/** Where the frames begin once the answer is complete; a text when the answer is no acceptance. */
export function readHandshake(bytes: Buffer): { readonly end: number } | string | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (!looksLikeHttp(bytes)) return "the answer to the handshake is not HTTP";
  if (end < 0) return bytes.length > headBytesMax ? "the answer to the handshake does not end" : undefined;
  const [status = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, code = ""] = /^HTTP\/1\.[01] (\d{3})/.exec(status) ?? [];
  if (code === "") return "the answer to the handshake is not HTTP";
  if (code !== "101") return `handshake answered with ${code}`;
  const answer = lines.find((line) => /^sec-websocket-accept:/i.test(line));
  if (answer?.slice(answer.indexOf(":") + 1).trim() !== accept) return "handshake with a wrong accept key";
  return { end: end + 4 };
}

const http = Buffer.from("HTTP/1.", "latin1");

function looksLikeHttp(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, http.length);
  return bytes.subarray(0, length).equals(http.subarray(0, length));
}
