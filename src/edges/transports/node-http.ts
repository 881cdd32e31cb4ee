import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import type { ConnectDecision, HttpAnswer } from "../../runtime/connect.js";
import type { Handshake } from "../../runtime/connect-request.js";
import type { EndpointCore } from "../../runtime/endpoint.js";
import type { MountedSocket } from "../../runtime/mounted-socket.js";
import { WsTransport } from "./ws.js";

/** Name of the header that every answer carries: the node that gave it. */
export const NODE_HEADER = "x-simurgh-node";

const NOT_AN_UPGRADE: HttpAnswer = {
  status: 400,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "This address takes WebSocket connections: send an upgrade request (RFC 6455).\n",
};
const BAD_METHOD: HttpAnswer = { status: 400 };
const NOT_FOUND: HttpAnswer = { status: 404 };
const FAILED: HttpAnswer = { status: 500 };

/** Answers health checks, handshakes and polls on an HTTP server; everything else is left to the application. */
export class NodeHttp {
  readonly #core: EndpointCore;
  readonly #app: RequestListener | undefined;
  readonly #transports = new Map<MountedSocket, WsTransport>();

  constructor(core: EndpointCore, app: RequestListener | undefined) {
    this.#core = core;
    this.#app = app;
    const headers = { [NODE_HEADER]: core.name };
    for (const mount of core.mounts) {
      if (mount.websocket === undefined) continue;
      const { frameBytesMax, compress } = mount.websocket;
      this.#transports.set(mount, new WsTransport({ frameBytesMax, compress, headers }));
    }
  }

  /** Takes over the server's requests; listeners that it has already get what is not ours. */
  attach(server: Server): void {
    const others = server.listeners("request");
    const upgraders = server.listeners("upgrade");
    server.removeAllListeners("request").removeAllListeners("upgrade");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      response.setHeader(NODE_HEADER, this.#core.name);
      if (this.#answer(request, response)) return;
      if (this.#app !== undefined) this.#app(request, response);
      else if (others.length === 0) send(response, NOT_FOUND);
      else for (const other of others) other.call(server, request, response);
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (this.#upgrade(request, socket, head)) return;
      if (upgraders.length === 0) refuse(socket, NOT_FOUND, this.#core.name);
      else for (const upgrader of upgraders) upgrader.call(server, request, socket, head);
    });
  }

  /** False: the request is not ours. */
  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (path === "/health") return send(response, this.#health());
    if (path === "/ready") return send(response, this.#ready());
    for (const mount of this.#core.mounts) {
      const pathParams = mount.websocket?.match(path);
      if (pathParams === undefined) continue;
      void this.#answerPlainRequest(mount, toHandshake(request, pathParams), response);
      return true;
    }
    return false;
  }

  #health(): HttpAnswer {
    const { name, state, counters, pubsub } = this.#core;
    const { connections, channels } = counters;
    const ready = state === "ready";
    return json(200, {
      node: name,
      ready,
      state,
      connections,
      channels,
      nodes: pubsub.nodes(),
      pid: process.pid,
    });
  }

  #ready(): HttpAnswer {
    const { name, state } = this.#core;
    return json(state === "ready" ? 200 : 503, { node: name, ready: state === "ready", state });
  }

  /** A request to a WebSocket address that asks for no upgrade: the checks come first, as in Phoenix. */
  async #answerPlainRequest(
    mount: MountedSocket,
    handshake: Handshake,
    response: ServerResponse,
  ): Promise<void> {
    if (handshake.method !== "GET") return void send(response, BAD_METHOD);
    const decision = await this.#decide(mount, handshake);
    send(response, decision.kind === "refused" ? decision.answer : NOT_AN_UPGRADE);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = pathOf(request);
    for (const [mount, transport] of this.#transports) {
      const pathParams = mount.websocket?.match(path);
      if (pathParams === undefined) continue;
      socket.on("error", ignoreReset);
      void this.#connect(mount, transport, toHandshake(request, pathParams), request, socket, head);
      return true;
    }
    return false;
  }

  async #connect(
    mount: MountedSocket,
    transport: WsTransport,
    handshake: Handshake,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    if (handshake.method !== "GET") return refuse(socket, BAD_METHOD, this.#core.name);
    const decision = await this.#decide(mount, handshake);
    if (decision.kind === "refused") return refuse(socket, decision.answer, this.#core.name);
    socket.off("error", ignoreReset);
    transport.upgrade(request, socket, head, decision.subprotocol, (sink) =>
      mount.open(decision, "websocket", sink),
    );
  }

  async #decide(mount: MountedSocket, handshake: Handshake): Promise<ConnectDecision> {
    let decision: ConnectDecision;
    try {
      decision = await mount.connect(handshake);
    } catch (cause) {
      mount.policy.logger.error("connect crashed", { path: mount.path, error: String(cause) });
      decision = { kind: "refused", answer: FAILED };
    }
    if (decision.kind === "refused") this.#core.counters.refused_connects_total++;
    return decision;
  }
}

/** The client went away during its handshake; there is nothing to tell it, and nobody else to tell. */
function ignoreReset(this: Duplex): void {
  this.destroy();
}

function pathOf(request: IncomingMessage): string {
  const target = request.url ?? "/";
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
}

/** The transport-neutral view of a Node request. */
export function toHandshake(
  request: IncomingMessage,
  pathParams: Readonly<Record<string, string>>,
  transport: "websocket" | "longpoll" = "websocket",
): Handshake {
  const { socket } = request;
  return {
    transport,
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: request.headers,
    // Asked for only when wanted: the first look makes Node keep an address object with the connection.
    get peer() {
      return { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    },
    secure: "encrypted" in socket,
    pathParams,
  };
}

function json(status: number, body: object): HttpAnswer {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: `${JSON.stringify(body)}\n` };
}

/** Writes an answer; always true, so that it can end a chain of attempts. */
export function send(response: ServerResponse, answer: HttpAnswer): true {
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body ?? "");
  return true;
}

/** Answers an upgrade request with plain HTTP and closes. */
function refuse(socket: Duplex, answer: HttpAnswer, node: string): void {
  const body = answer.body ?? "";
  const headers = {
    ...answer.headers,
    [NODE_HEADER]: node,
    connection: "close",
    "content-length": Buffer.byteLength(body),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}`;
  socket.end(`${[status, ...lines].join("\r\n")}\r\n\r\n${body}`);
}
