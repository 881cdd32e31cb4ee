import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HttpAnswer } from "../../runtime/http-answer.js";
import type { LimitReports } from "../../runtime/limits/limit-reports.js";

/** Writes an answer; always true, so that it can end a chain of attempts. */
export function send(response: ServerResponse, answer: HttpAnswer): true {
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body ?? "");
  return true;
}

/**
 * A response on a socket that Node has handed over for an upgrade which does not come about. The connection ends
 * with it: it is in nobody's care any more, so that no timeout would ever end it.
 */
function responseOn(socket: Duplex, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // A server's sockets are net.Sockets, or TLS sockets, which are net.Sockets.
  response.assignSocket(socket as Socket);
  socket.on("drain", () => response.emit("drain"));
  response.on("finish", () => socket.end(() => socket.destroy()));
  // What the client has sent on is read and dropped; unread bytes would make the system reset the connection.
  socket.resume();
  return response;
}

/** Answers an upgrade request with plain HTTP and closes. */
export function refuseUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  answer: HttpAnswer,
  headers: Readonly<Record<string, string>>,
): void {
  if (!socket.writable) return void socket.destroy();
  const response = responseOn(socket, request);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  send(response, answer);
}

/**
 * Gives an upgrade request that nobody takes to the server's request listeners, as Node does when nobody listens
 * for upgrades: clients such as Java's offer `h2c` with their first request and expect an answer in HTTP/1.1.
 */
export function serveWithoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  server.emit("request", request, responseOn(socket, request));
}

/** Whether a request brings a body. After an upgrade Node reads no body any more. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** Answers what is no HTTP, or takes too long, as Node does by itself, and says which node it was. */
export function answerClientError(
  server: Server,
  headers: Readonly<Record<string, string>>,
  reports: LimitReports,
): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return (error, socket) => {
    if (error.code === "HPE_HEADER_OVERFLOW") reports.exceeded("oversize_headers_total", "headerBytesMax");
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
      reports.exceeded("request_timeouts_total", "headersTimeoutMs or requestTimeoutMs");
    }
    // Node keeps the response under way here; when its head is out, another one would be read as its body.
    const { _httpMessage: response } = socket as { _httpMessage?: ServerResponse };
    const begun = response?.headersSent ?? false;
    if (socket.writable && !begun && server.listening) {
      const status = CLIENT_ERRORS[error.code ?? ""] ?? "400 Bad Request";
      socket.write(`HTTP/1.1 ${status}\r\n${lines.join("")}connection: close\r\n\r\n`);
    }
    socket.destroy(error);
  };
}
