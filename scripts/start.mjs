/** `npm start [-- options of simurgh up]`: the chat example on several nodes behind one door. */
import { fileURLToPath } from "node:url";
import { endWithNpm } from "./lib/npm-parent.mjs";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const app = fileURLToPath(new URL("../examples/chat/dist/server.js", import.meta.url));

endWithNpm();
// Not a process of its own: signals reach `simurgh up` itself, and its exit code is ours.
process.argv.splice(1, 1, main, "up", app);
await import(main);
