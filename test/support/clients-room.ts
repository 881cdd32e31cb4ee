import type { Socket, SocketConnectOption } from "phoenix";
import { afterEach } from "vitest";
import type { EndpointOptions } from "../../src/create-endpoint.js";
import { error, ok, stop } from "../../src/runtime/result.js";
import { accept, refuse, socket } from "../../src/runtime/socket-definition.js";
import { type Listening, useEndpoints } from "./endpoints.js";
import { disconnect, type PhoenixVariant } from "./phoenix-clients.js";

/** What `terminate` was told, as "topic kind". */
export const ends: string[] = [];

const users = socket({
  connect: ({ params, authToken }) => (params.refuse ? refuse() : accept({ user: params.user, authToken })),
  id: ({ assigns }) => (typeof assigns.user === "string" ? `user:${assigns.user}` : undefined),
});

const room = users.channel({
  join(ch, params) {
    if (ch.topic === "room:denied") return error({ reason: "unauthorized" });
    return ok({ topic: ch.topic, params, transport: ch.socket.transport, vsn: ch.socket.vsn, ...ch.assigns });
  },
  in: {
    ping: (_ch, payload) => ok(payload),
    fail: () => error({ reason: "bad" }),
    silent() {},
    shout: (ch, payload) => ch.broadcast("shout", { payload }),
    whisper(ch, payload) {
      ch.broadcastFrom("shout", { payload });
      return ok();
    },
    ask: (ch) => ch.push("question", { n: 42 }),
    crash() {
      throw new Error("as asked");
    },
    stop: () => stop("normal", ok({ bye: true })),
    measure: (_ch, payload) => ok({ bytes: payload instanceof Uint8Array ? payload.length : -1 }),
    reverse: (_ch, payload) => ok(payload instanceof Uint8Array ? payload.toReversed() : new Uint8Array()),
    bytes: (ch) => ch.broadcast("bytes", new Uint8Array([1, 2, 3])),
  },
  terminate: (ch, { kind }) => void ends.push(`${ch.topic} ${kind}`),
});

/** A server for the official clients, over both transports. */
export const clientsOptions: EndpointOptions = {
  sockets: {
    "/socket": { socket: users.routes({ "room:*": room }), longpoll: { windowMs: 5_000 }, authToken: true },
  },
};

/** Starts servers and clients, and ends both after each test, the clients first. To be called within `describe`. */
export function useClients(open: PhoenixVariant["connect"]): {
  serve(port?: number): Promise<Listening>;
  connect(port: number, options?: Partial<SocketConnectOption>): Socket;
  /** Takes over a client that was made elsewhere. */
  keep(client: Socket): Socket;
} {
  const start = useEndpoints();
  const clients: Socket[] = [];
  // Hooks run last to first: were the server stopped before, the clients would try to come back.
  afterEach(() => Promise.all(clients.splice(0).map(disconnect)));
  const keep = (client: Socket) => {
    clients.push(client);
    return client;
  };
  return {
    serve: (port) => start(clientsOptions, port),
    connect: (port, options) => keep(open(port, options)),
    keep,
  };
}
