import { serveWorker } from "./serve-worker.js";

/** The program of a worker that the coordinator starts itself; the secret comes by the environment. */
const { SIMURGH_LOAD_PORT: port = "", SIMURGH_LOAD_SECRET: secret = "" } = process.env;
const ignore = () => {
  // Ctrl-C goes to the whole group; the coordinator decides what becomes of the run.
};
process.on("SIGINT", ignore);
process.on("SIGTERM", ignore);
const fault = await serveWorker({ host: "127.0.0.1", port: Number(port), secret, isLocal: true });
if (fault !== undefined) process.stderr.write(`worker: ${fault}\n`);
process.exit(fault === undefined ? 0 : 1);
