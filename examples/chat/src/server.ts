import { fileURLToPath } from "node:url";
import { createEndpoint, type Endpoint, type NodeContext } from "simurgh";
import { autoscaleOptions } from "./autoscale.js";
import { servePages } from "./pages.js";
import { people } from "./people.js";
import { createRoom } from "./room.js";
import { createSignIn } from "./sign-in.js";

/** Built by `build.mjs`. The same folder seen from `src` and from `dist`. */
const web = fileURLToPath(new URL("../dist/web", import.meta.url));

/** One node of the chat. */
export default function chat(node: NodeContext): Endpoint {
  const signIn = createSignIn(node.secretKeyBase);
  return createEndpoint({
    name: node.name,
    pubsub: node.pubsub,
    secretKeyBase: node.secretKeyBase,
    logger: node.logger,
    sockets: {
      "/socket": { socket: signIn.visitors.routes({ "room:*": createRoom(node) }), longpoll: true },
    },
    presence: people,
    ...autoscaleOptions(process.env),
    http: signIn.serve(servePages(web)),
  });
}
