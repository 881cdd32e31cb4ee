import { createEndpoint, ok, socket } from "simurgh";
import { z } from "zod";

const users = socket();
const room = users.channel({
  payloads: { new_msg: z.object({ body: z.string().min(1).max(4000) }) },
  join: (ch) => ok({ welcome: ch.topic }),
  in: { new_msg: (ch, { body }) => ch.broadcast("new_msg", { body }) },
});
const endpoint = createEndpoint({ sockets: { "/socket": users.routes({ "room:*": room }) } });
await endpoint.listen({ port: Number(process.env.PORT ?? 4000) });
