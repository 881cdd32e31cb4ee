import { fileURLToPath } from "node:url";
import { createEndpoint, type Endpoint, type PubSubAdapter } from "simurgh";
import { servePages } from "./pages.js";
import { createRoom, type RoomNode, visitors } from "./room.js";

/** What `simurgh up` and `simurgh node` tell about the node that this is to be. */
export interface ChatNode extends RoomNode {
  readonly pubsub: PubSubAdapter;
}

/** Built by `build.mjs`. The same folder seen from `src` and from `dist`. */
const web = fileURLToPath(new URL("../dist/web", import.meta.url));

/** One node of the chat. */
export default function chat(node: ChatNode): Endpoint {
  return createEndpoint({
    name: node.name,
    pubsub: node.pubsub,
    logger: node.logger,
    sockets: { "/socket": { socket: visitors.routes({ "room:*": createRoom(node) }), longpoll: true } },
    http: servePages(web),
  });
}
