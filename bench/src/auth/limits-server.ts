import { createEndpoint, lineLogger, ok, socket } from "simurgh";
import { payloadBody } from "../message.js";
import { serve, usage } from "../process.js";

const none = Number.POSITIVE_INFINITY;
/** Every limit of a socket that can be turned off. */
const off = {
  channelsMax: none,
  inboxMax: none,
  heldMessagesMax: none,
  heldBytesMax: none,
  nameLengthMax: none,
  queueBytesMax: none,
  messagesPerS: none,
  messagesBurstMax: none,
  bytesPerS: none,
  bytesBurstMax: none,
  joinsPerS: none,
  joinsBurstMax: none,
  refusalsMax: none,
};

const users = socket();
const room = users.channel({
  join: () => ok(),
  in: { say: (ch) => ch.broadcast("shout", { body: payloadBody }), echo: (_ch, payload) => ok(payload) },
});
const endpoint = createEndpoint({
  sockets: {
    "/socket": {
      socket: users.routes({ "room:*": room }),
      websocket: { timeoutMs: 3_600_000 },
      ...(process.argv[2] === "on" ? {} : { limits: off }),
    },
  },
  logger: lineLogger({ level: "warn" }),
});
const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
serve((request) => {
  if (request.ask === "port") return port;
  if (request.ask === "usage") return usage();
  throw new Error(`unknown request ${JSON.stringify(request)}`);
});
