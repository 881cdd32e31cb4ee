import { monitorEventLoopDelay } from "node:perf_hooks";
import { accept, createEndpoint, lineLogger, ok, socket } from "simurgh";
import { serve, usage } from "../process.js";

const [admission, backend] = process.argv.slice(2);

/** A database that takes so many questions at a time; the others wait in its queue. */
const CONNECTIONS = 40;
const ANSWER_MS = 15;

/** Milliseconds that the processor works on each `connect`: about what the check of a signature takes. */
const WORK_MS = 0.3;

let free = CONNECTIONS;
const queue: (() => void)[] = [];

function askDatabase(): Promise<void> {
  return new Promise((resolve) => {
    const ask = (): void => {
      setTimeout(() => {
        free++;
        resolve();
        if (free > 0) queue.shift()?.();
      }, ANSWER_MS);
      free--;
    };
    if (free > 0) ask();
    else queue.push(ask);
  });
}

function work(): void {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
}

let asking = 0;
/** The most that were asked about at the same time. */
let askingMax = 0;

const users = socket({
  connect: async () => {
    asking++;
    askingMax = Math.max(askingMax, asking);
    if (backend === "database") await askDatabase();
    else work();
    asking--;
    return accept({});
  },
});
const room = users.channel({ join: () => ok(), in: { ping: () => ok() } });
const endpoint = createEndpoint({
  sockets: { "/socket": { socket: users.routes({ "room:*": room }), websocket: { timeoutMs: 3_600_000 } } },
  admission: admission === "on",
  limits: admission === "on" ? {} : { handshakesMax: Number.POSITIVE_INFINITY },
  logger: lineLogger({ level: "error" }),
});
const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
const delay = monitorEventLoopDelay({ resolution: 5 });

serve((request) => {
  switch (request.ask) {
    case "port":
      return port;
    case "begin":
      delay.enable();
      return undefined;
    case "figures": {
      delay.disable();
      const { cpuS } = usage();
      const stats = endpoint.stats();
      const refused =
        stats.refused_handshakes_total +
        stats.expired_handshakes_total +
        stats.cut_half_open_total +
        stats.connect_timeouts_total +
        stats.request_timeouts_total;
      return { refused, askingMax, delayMaxMs: delay.max / 1e6, cpuS };
    }
    default:
      throw new Error(`unknown request ${JSON.stringify(request)}`);
  }
});
