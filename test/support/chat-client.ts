import type { Channel, Push, Socket } from "phoenix";
import { afterEach } from "vitest";
import { collect, outcome, phoenixVariants } from "./phoenix-clients.js";
import { until } from "./wait.js";

/** The answer to a push, or to a join. */
export interface Answered {
  readonly status: string;
  readonly response: unknown;
}

/** Waits for the answer to a push of the official client, whatever it is. */
export async function answerOf(push: Push): Promise<Answered> {
  const [status, response] = await outcome(push);
  return { status, response };
}

/** The payloads of an event, as they come in. */
export const payloadsOf = <T>(channel: Channel, event: string) => collect(channel, event) as readonly T[];

/** Connects the newest official client, and disconnects it after the test. To be called within `describe`. */
export function useOfficialClients(transport: "websocket" | "longpoll" = "websocket") {
  const variant = phoenixVariants.find((candidate) => candidate.transport === transport);
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.disconnect();
  });
  return async (port: number): Promise<Socket> => {
    const socket = variant?.connect(port);
    if (socket === undefined) throw new Error(`no official client for ${transport}`);
    sockets.push(socket);
    await until(() => socket.isConnected(), "a connected client");
    return socket;
  };
}
