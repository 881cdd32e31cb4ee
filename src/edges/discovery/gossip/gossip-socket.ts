import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { SimurghError } from "../../../runtime/errors.js";
import type { GossipSettings } from "./options.js";

/** What {@link openSocket} tells its owner. */
export interface GossipSocketHandler {
  onPacket(packet: Buffer, from: string): void;
  onError(error: Error): void;
}

/**
 * Binds the port of the group; several processes of one machine may. Rejects with `discovery_start_failed` when the
 * port or the interface is not to be had.
 */
export async function openSocket(
  { port, multicast, ttl }: GossipSettings,
  at: string | undefined,
  handler: GossipSocketHandler,
): Promise<Socket> {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  try {
    socket.bind({ port, address: "0.0.0.0" });
    await once(socket, "listening");
    socket.setBroadcast(true);
    if (multicast !== undefined) {
      socket.addMembership(multicast, at);
      if (at !== undefined) socket.setMulticastInterface(at);
      socket.setMulticastTTL(ttl);
      // Other processes of this machine are to hear it.
      socket.setMulticastLoopback(true);
    }
  } catch (cause) {
    socket.close();
    const where = at === undefined ? "" : ` at ${at}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SimurghError(
      "discovery_start_failed",
      `gossip cannot use UDP port ${port}${where}: ${reason}`,
      {
        cause,
      },
    );
  }
  socket.on("message", (packet, { address }) => handler.onPacket(packet, address));
  socket.on("error", (error) => handler.onError(error));
  return socket;
}
