import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** A UDP port of this machine that was free a moment ago. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "0.0.0.0");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** A socket that hears a gossip group on loopback and can say anything there; closed with the test. */
export async function gossipTap(port: number, group = "239.255.45.89") {
  const socket: Socket = createSocket({ type: "udp4", reuseAddr: true });
  const heard: Buffer[] = [];
  socket.on("message", (packet) => heard.push(packet));
  socket.bind(port, "0.0.0.0");
  await once(socket, "listening");
  socket.addMembership(group, "127.0.0.1");
  socket.setMulticastInterface("127.0.0.1");
  onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const say = (packet: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      socket.send(packet, port, group, (error) => (error ? reject(error) : resolve()));
    });
  return { heard, say };
}
