import { Window } from "happy-dom";
import type { Channel, Push, Socket, SocketConnectOption } from "phoenix";
import * as newest from "phoenix";
import { WebSocket } from "ws";
import { until } from "./wait.js";

/** One official client over one transport. */
export interface PhoenixVariant {
  readonly name: string;
  readonly transport: "websocket" | "longpoll";
  /** Whether bytes can be sent and received as payloads. */
  readonly binary: "both ways" | "to the server" | "not at all";
  connect(port: number, options?: Partial<SocketConnectOption>): Socket;
}

type Client = { readonly Socket: typeof Socket; readonly LongPoll: SocketConnectOption["transport"] };

// `ws` has the interface of a browser's WebSocket.
const webSocket = WebSocket as unknown as SocketConnectOption["transport"];

// The older client looks for it when it is loaded, and finds no other global object in Node.
Object.assign(globalThis, { self: globalThis });
const oldest = await import("phoenix16");

/** A page of the same host, but another port: like a browser it asks for leave first, and reads what it may. */
const page = new Window({ url: "http://127.0.0.1:1/" });

/** Comes back soon, so that tests need not wait; but the older client gives up a way that does not open in time. */
const soon = (tries: number) => Math.min(20 * 2 ** tries, 2_000);
const eager = { reconnectAfterMs: soon, rejoinAfterMs: soon };

function variant(
  version: string,
  client: Client,
  way: "WebSocket" | "long poll by fetch" | "long poll by XMLHttpRequest",
  binary: PhoenixVariant["binary"],
): PhoenixVariant {
  const websocket = way === "WebSocket";
  return {
    name: `phoenix ${version} over ${way}`,
    transport: websocket ? "websocket" : "longpoll",
    binary,
    connect(port, options = {}) {
      // The client looks for it with each request, and takes fetch where it is missing.
      if (way === "long poll by XMLHttpRequest")
        Object.assign(globalThis, { XMLHttpRequest: page.XMLHttpRequest });
      else Reflect.deleteProperty(globalThis, "XMLHttpRequest");
      const transport = websocket ? webSocket : client.LongPoll;
      const socket = new client.Socket(`ws://127.0.0.1:${port}/socket`, { ...eager, transport, ...options });
      socket.connect();
      return socket;
    },
  };
}

/** The newest client and one of 2022, over every transport that they have. */
export const phoenixVariants: readonly PhoenixVariant[] = [
  variant("newest", newest, "WebSocket", "both ways"),
  variant("newest", newest, "long poll by fetch", "to the server"),
  variant("newest", newest, "long poll by XMLHttpRequest", "to the server"),
  variant("1.6", oldest, "WebSocket", "both ways"),
  variant("1.6", oldest, "long poll by XMLHttpRequest", "not at all"),
];

/** The newest client that tries WebSocket first, by whatever class, and falls back to long poll. */
export function connectWithFallback(
  port: number,
  primary: object,
  sessionStorage: object,
  longPollFallbackMs: number,
): Socket {
  Reflect.deleteProperty(globalThis, "XMLHttpRequest");
  const socket = new newest.Socket(`ws://127.0.0.1:${port}/socket`, {
    ...eager,
    // A class of the test's own making.
    transport: primary as SocketConnectOption["transport"],
    longPollFallbackMs,
    sessionStorage,
  });
  socket.connect();
  return socket;
}

/** How a push came out: its status, and the response. */
export function outcome(push: Push): Promise<readonly [status: string, response: unknown]> {
  return new Promise((resolve) => {
    for (const status of ["ok", "error", "timeout"] as const) {
      push.receive(status, (response) => resolve([status, response]));
    }
  });
}

/** Joins, and expects to be let in. */
export async function joinTopic(socket: Socket, topic: string, params: object = {}): Promise<Channel> {
  const channel = socket.channel(topic, params);
  const [status] = await outcome(channel.join());
  if (status !== "ok") throw new Error(`join of ${topic}: ${status}`);
  return channel;
}

/** Collects the payloads of an event. */
export function collect(channel: Channel, event: string): unknown[] {
  const seen: unknown[] = [];
  channel.on(event, (payload) => void seen.push(payload));
  return seen;
}

/** Disconnects for good, and waits until the client has let go. */
export async function disconnect(socket: Socket): Promise<void> {
  socket.disconnect();
  await until(() => !socket.isConnected(), "the client has let go");
}
