import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer } from "ws";
import type { BalancerServer } from "../../src/contracts/balancer.js";

/** A server to stand behind a balancer: HTTP that says who answers, and WebSockets that echo. */
export interface Backend {
  readonly name: string;
  readonly port: number;
  /** Open TCP connections, those of checks included. */
  readonly connections: number;
  /** WebSockets that it holds. */
  readonly sockets: number;
  /** Requests that it was given, checks left out. */
  readonly requests: number;
  readonly server: BalancerServer;
  /** Status that `/ready` answers with; undefined: it does not answer at all. */
  readyStatus: number | undefined;
  /** What `/work` does. */
  onWork: (request: IncomingMessage, response: ServerResponse) => void;
  /** Goes away at once, as a killed process does: listener and connections. */
  die(): Promise<void>;
}

/** Starts a backend on `port` (0: a free one). */
export async function startBackend(name: string, port = 0): Promise<Backend> {
  const open = new Set<Socket>();
  let requests = 0;
  const http = createServer((request, response) => {
    response.setHeader("x-simurgh-node", name);
    if (request.url === "/ready") {
      if (backend.readyStatus !== undefined) response.writeHead(backend.readyStatus).end();
      return;
    }
    requests += 1;
    if (request.url === "/work") return backend.onWork(request, response);
    // Read to its end, so that the answer to an upload comes after it.
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => response.end(JSON.stringify({ name, bytes, forwarded: request.headers })));
  });
  const webSockets = new WebSocketServer({ server: http, maxPayload: 64 * 1024 * 1024 });
  webSockets.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) =>
      socket.send(isBinary ? data : `${name} ${data}`, { binary: isBinary }),
    );
  });
  http.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
  });
  http.listen(port, "127.0.0.1");
  await once(http, "listening");
  // An http.Server on a TCP port has an AddressInfo.
  const bound = (http.address() as AddressInfo).port;

  const backend: Backend = {
    name,
    port: bound,
    get connections() {
      return open.size;
    },
    get sockets() {
      return webSockets.clients.size;
    },
    get requests() {
      return requests;
    },
    server: { name, address: { host: "127.0.0.1", port: bound }, weight: 100 },
    readyStatus: 200,
    onWork: (_request, response) => void response.end(name),
    die: async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
  return backend;
}
