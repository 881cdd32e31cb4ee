import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { payloadBody } from "../message.js";
import { serveBench } from "./fan-out-server.js";

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false, pingInterval: 3_600_000 });
io.on("connection", (socket) => {
  socket.on("join", (room: string, done: () => void) => {
    void socket.join(room);
    done();
  });
});
await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
serveBench({
  port: (http.address() as AddressInfo).port, // A TCP server's address is never a string.
  broadcast: () => void io.to("room:bench").emit("shout", { topic: "room:bench", body: payloadBody }),
});
