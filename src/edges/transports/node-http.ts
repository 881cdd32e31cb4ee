import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ConnectDecision } from "../../runtime/connect.js";
import type { Handshake } from "../../runtime/connect-request.js";
import type { EndpointCore } from "../../runtime/endpoint.js";
import type { HttpAnswer } from "../../runtime/http-answer.js";
import type { MountedSocket } from "../../runtime/mounted-socket.js";
import { HalfOpen } from "./half-open.js";
import { LongPollRequest } from "./longpoll-http.js";
import { answerClientError, refuseUpgrade, send } from "./raw-answer.js";
import { type Claimant, claim } from "./shared-server.js";
import { watchClient } from "./watch-client.js";
import { WsTransport } from "./ws.js";

/** Name of the header that every answer carries: the node that gave it. */
export const NODE_HEADER = "x-simurgh-node";

const NOT_AN_UPGRADE: HttpAnswer = {
  status: 400,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: "This address takes WebSocket connections: send an upgrade request (RFC 6455).\n",
};
const BAD_METHOD: HttpAnswer = { status: 400 };
const FAILED: HttpAnswer = { status: 500 };
const NOT_SERVING: HttpAnswer = { status: 503 };

/** Answers health checks, handshakes and polls on an HTTP server; everything else is left to the application. */
export class NodeHttp implements Claimant {
  readonly #core: EndpointCore;
  readonly #app: RequestListener | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent on somebody else's server. */
  #halfOpen: HalfOpen | undefined = undefined;
  readonly #transports = new Map<MountedSocket, WsTransport>();

  constructor(core: EndpointCore, app: RequestListener | undefined) {
    this.#core = core;
    this.#app = app;
    this.headers = { [NODE_HEADER]: core.name };
    for (const mount of core.mounts) {
      if (mount.websocket === undefined) continue;
      const { frameBytesMax, compress } = mount.websocket;
      const refused = (request: IncomingMessage, socket: Duplex, fault: string): void => {
        core.counters.refused_connects_total++;
        this.#refuse(request, socket, notAHandshake(fault));
      };
      const exceeded = (limit: "bytes" | "fragments"): void => this.#exceeded(mount, limit);
      const settings = { frameBytesMax, compress, headers: this.headers, refused, exceeded };
      this.#transports.set(mount, new WsTransport(settings));
    }
  }

  /** Serves a server that is ours alone: answers to what is no HTTP name the node, too. */
  own(server: Server): void {
    const { counters, guards } = this.#core;
    server.on("clientError", answerClientError(server, this.headers, guards.reports));
    this.#halfOpen = new HalfOpen(guards.limits.halfOpenMax, counters, guards.reports);
    this.#halfOpen.watch(server);
    this.attach(server);
  }

  /** Takes part in somebody's server: what is not ours stays his. */
  attach(server: Server): void {
    claim(server, this);
  }

  takeRequest(request: IncomingMessage, response: ServerResponse): boolean {
    this.#halfOpen?.spoke(request.socket);
    for (const [name, value] of Object.entries(this.headers)) response.setHeader(name, value);
    if (this.#answer(request, response)) return true;
    this.#app?.(request, response);
    return this.#app !== undefined;
  }

  #refuse(request: IncomingMessage, socket: Duplex, answer: HttpAnswer): void {
    refuseUpgrade(request, socket, answer, this.headers);
  }

  /** False: the request is not ours. */
  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request);
    if (path === "/health") return send(response, this.#health());
    if (path === "/ready") return send(response, this.#ready());
    if (this.#answerPage(path, request, response)) return true;
    for (const longPoll of this.#core.longPolls) {
      const pathParams = longPoll.match(path);
      if (pathParams === undefined) continue;
      const handshake = toHandshake(request, pathParams, "longpoll");
      const serving = (): boolean => this.#core.serving;
      const poll = new LongPollRequest(longPoll, handshake, request, response, serving);
      poll.answer().catch((cause: unknown) => {
        this.#report(longPoll.mount, "long poll crashed", cause);
        fail(response);
      });
      return true;
    }
    for (const mount of this.#core.mounts) {
      const pathParams = mount.websocket?.match(path);
      if (pathParams === undefined) continue;
      void this.#answerPlainRequest(mount, toHandshake(request, pathParams), response);
      return true;
    }
    return false;
  }

  #health(): HttpAnswer {
    const { name, ready, state, counters, pubsub } = this.#core;
    const { connections, channels } = counters;
    return json(200, {
      node: name,
      ready,
      state,
      connections,
      channels,
      engine: pubsub.engine,
      engine_up: pubsub.healthy,
      nodes: pubsub.nodes(),
      pid: process.pid,
    });
  }

  /** What the scale driver shows. */
  #answerPage(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const { autoscaler } = this.#core;
    const page = autoscaler?.page;
    if (autoscaler === undefined || page === undefined) return false;
    if (path !== page.path && !path.startsWith(`${page.path}/`)) return false;
    const { method = "GET", headers } = request;
    const asked = { method, rest: path.slice(page.path.length), authorization: headers.authorization };
    return send(response, page.answer(asked, autoscaler.known()));
  }

  #ready(): HttpAnswer {
    const { name, ready, state, pubsub } = this.#core;
    return json(ready ? 200 : 503, { node: name, ready, state, engine_up: pubsub.healthy });
  }

  /** A request to a WebSocket address that asks for no upgrade: the checks come first, as in Phoenix. */
  async #answerPlainRequest(
    mount: MountedSocket,
    handshake: Handshake,
    response: ServerResponse,
  ): Promise<void> {
    if (handshake.method !== "GET") return void send(response, BAD_METHOD);
    const decision = await this.#decide(mount, handshake);
    try {
      send(response, decision.kind === "refused" ? decision.answer : NOT_AN_UPGRADE);
    } catch (cause) {
      // The application's error handler made an answer that cannot be written.
      this.#report(mount, "answer cannot be written", cause);
      fail(response);
    }
  }

  takeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    this.#halfOpen?.spoke(request.socket);
    const path = pathOf(request);
    for (const [mount, transport] of this.#transports) {
      const pathParams = mount.websocket?.match(path);
      if (pathParams === undefined) continue;
      socket.on("error", ignoreReset);
      const handshake = { ...toHandshake(request, pathParams), watch: watchClient(socket) };
      this.#connect(mount, transport, handshake, request, socket, head).catch((cause: unknown) => {
        this.#report(mount, "connection could not be opened", cause);
        socket.destroy();
      });
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
    if (handshake.method !== "GET") return this.#refuse(request, socket, BAD_METHOD);
    if (!this.#core.serving) return this.#refuse(request, socket, NOT_SERVING);
    const decision = await this.#decide(mount, handshake);
    if (decision.kind === "refused") return this.#refuse(request, socket, decision.answer);
    // The endpoint may have stopped while the application decided.
    if (!this.#core.serving) return this.#refuse(request, socket, NOT_SERVING);
    socket.off("error", ignoreReset);
    transport.upgrade(request, socket, head, decision.subprotocol, (sink) =>
      mount.open(decision, "websocket", sink),
    );
  }

  #exceeded({ path }: MountedSocket, limit: "bytes" | "fragments"): void {
    const { reports } = this.#core.guards;
    if (limit === "bytes") reports.exceeded("oversize_messages_total", "frameBytesMax", { path });
    else reports.exceeded("oversplit_messages_total", "fragments", { path });
  }

  #report(mount: MountedSocket, what: string, cause: unknown): void {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    mount.policy.logger.error(what, { path: mount.path, error });
  }

  async #decide(mount: MountedSocket, handshake: Handshake): Promise<ConnectDecision> {
    let decision: ConnectDecision;
    try {
      decision = await mount.connect(handshake);
    } catch (cause) {
      this.#report(mount, "connect crashed", cause);
      decision = { kind: "refused", answer: FAILED };
    }
    if (decision.kind === "refused") this.#core.counters.refused_connects_total++;
    return decision;
  }
}

/** Says that the server failed, if that can still be said. */
function fail(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else send(response, FAILED);
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

function notAHandshake(fault: string): HttpAnswer {
  const headers = { "content-type": "text/plain; charset=utf-8", "sec-websocket-version": "13" };
  return { status: 400, headers, body: `${fault}\n` };
}
