import type { Socket } from "node:net";

const body = "no node is ready\n";

const response = Buffer.from(
  [
    "HTTP/1.1 503 Service Unavailable",
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "retry-after: 1",
    "cache-control: no-store",
    "connection: close",
    "",
    body,
  ].join("\r\n"),
);

/** How long a refused client may take to read its answer and close. */
const lingerMs = 1_000;

/**
 * Answers a client for whom there is no server with 503, and closes. What the client sends is read and dropped
 * meanwhile: to close with unread bytes is a reset, which may overtake the answer.
 */
export function refuse(client: Socket): void {
  const timer = setTimeout(() => client.destroy(), lingerMs);
  client.on("close", () => clearTimeout(timer));
  client.on("data", ignore);
  client.on("error", ignore);
  client.end(response);
  client.resume();
}

/** The client is going away whatever it says, and a fault of its connection is its own. */
function ignore(): void {}
