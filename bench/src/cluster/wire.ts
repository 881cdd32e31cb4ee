import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** Bytes that this process has sent and received by TCP. */
export interface WireBytes {
  readonly sent: number;
  readonly received: number;
}

/** Watches every TCP socket that this process opens or accepts from now on; returns a reader of the sums. */
export function watchWire(): () => WireBytes {
  const sockets: Socket[] = [];
  const keep = (message: unknown): void => {
    // Node's documented message of these two channels.
    sockets.push((message as { readonly socket: Socket }).socket);
  };
  subscribe("net.client.socket", keep);
  subscribe("net.server.socket", keep);
  return () => ({
    sent: sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0),
    received: sockets.reduce((sum, socket) => sum + socket.bytesRead, 0),
  });
}
