/** `npm run node [-- options of simurgh node]`: the chat example on one node, to be linked with others by hand. */
import { fileURLToPath } from "node:url";
import { endWithNpm } from "./lib/npm-parent.mjs";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const app = fileURLToPath(new URL("../examples/chat/dist/server.js", import.meta.url));

endWithNpm();
process.argv.splice(1, 1, main, "node", app);
await import(main);
