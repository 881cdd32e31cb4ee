import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { plainMessage } from "../message.js";
import { serveBench } from "./fan-out-server.js";

/** The least that a `ws` server does: everybody who connects is in the room; a message is sent to each. */
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (socket) => socket.on("message", () => socket.send(plainMessage)));
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
const message = Buffer.from(plainMessage);
serveBench({
  port: (http.address() as AddressInfo).port, // A TCP server's address is never a string.
  broadcast() {
    for (const client of server.clients) client.send(message, { binary: false });
  },
});
