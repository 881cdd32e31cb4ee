import { request } from "node:http";
import type { Answer } from "./http.js";

/** Settings of a handshake. */
export interface HandshakeOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Asks for a WebSocket and gives back the answer, 101 or not; a connection that came of it is cut. */
export function shakeHands(port: number, target: string, options: HandshakeOptions = {}): Promise<Answer> {
  const { method = "GET", headers = {} } = options;
  const wanted: Record<string, string | undefined> = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const sent = Object.entries(wanted).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: "127.0.0.1",
      port,
      path: target,
      method,
      headers: Object.fromEntries(sent),
      agent: false,
    });
    outgoing.on("error", reject);
    outgoing.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: "" });
    });
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    });
    outgoing.end();
  });
}
