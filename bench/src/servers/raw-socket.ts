import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { plainMessage } from "../message.js";
import { serveBench } from "./fan-out-server.js";

/** The floor of Node's public API: `ws` shakes hands, and one finished frame is written to each bare socket. */
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
const sockets: Duplex[] = [];
server.on("connection", (_client, request) => sockets.push(request.socket));
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
const message = Buffer.from(plainMessage);
const frame = Buffer.concat([Buffer.from([0x81, message.length]), message]);
serveBench({
  port: (http.address() as AddressInfo).port, // A TCP server's address is never a string.
  broadcast() {
    for (const socket of sockets) socket.write(frame);
  },
});
