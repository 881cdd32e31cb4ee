import { type Channel, type Push, Socket } from "phoenix";
import { afterEach } from "vitest";
import { WebSocket } from "ws";
import { until } from "./wait.js";

/** The answer to a push, or to a join. */
export interface Answered {
  readonly status: "ok" | "error" | "timeout";
  readonly response: unknown;
}

/** Waits for the answer to a push of the official client, whatever it is. */
export function answerOf(push: Push): Promise<Answered> {
  return new Promise((resolve) => {
    for (const status of ["ok", "error", "timeout"] as const) {
      push.receive(status, (response: unknown) => resolve({ status, response }));
    }
  });
}

/** The payloads of an event, as they come in. */
export function payloadsOf<T>(channel: Channel, event: string): readonly T[] {
  const payloads: T[] = [];
  channel.on(event, (payload: T) => {
    payloads.push(payload);
  });
  return payloads;
}

/** Connects official clients, and disconnects them after each test. To be called within `describe`. */
export function usePhoenixClients(): (port: number, path?: string) => Promise<Socket> {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.disconnect();
  });
  return async (port, path = "/socket") => {
    const socket = new Socket(`ws://127.0.0.1:${port}${path}`, { transport: WebSocket });
    sockets.push(socket);
    socket.connect();
    await until(() => socket.isConnected(), "a connected client");
    return socket;
  };
}
