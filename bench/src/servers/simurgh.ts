import { createEndpoint, lineLogger, ok, socket } from "simurgh";
import { payloadBody } from "../message.js";
import { serveBench } from "./fan-out-server.js";

const users = socket();
const room = users.channel({ join: () => ok(), in: { ping: (_ch, payload) => ok(payload) } });
const endpoint = createEndpoint({
  // The clients of the bench are silent, here and below, so that heartbeats do not blur the figures.
  sockets: { "/socket": { socket: users.routes({ "room:*": room }), websocket: { timeoutMs: 3_600_000 } } },
  logger: lineLogger({ level: "warn" }),
});
const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
serveBench({ port, broadcast: () => endpoint.broadcast("room:bench", "shout", { body: payloadBody }) });
