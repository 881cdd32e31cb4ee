import { existsSync, readFileSync } from "node:fs";
import { BenchProcess } from "./process.js";
import { figure, table } from "./stats.js";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const CLIENTS = 10_000;

interface Figures {
  readonly refused: number;
  readonly askingMax: number;
  readonly delayMaxMs: number;
  readonly cpuS: number;
}

interface Arrivals {
  readonly inMs: readonly number[];
  readonly pingMs: readonly number[];
  readonly attempts: number;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
const millis = (ms: number): string => `${figure(ms)} ms`;

const NETSTAT = "/proc/net/netstat";

/** How often the system had no room for a connection that was to be accepted, on this machine; NaN where it does not tell. */
function overflows(): number {
  if (!existsSync(NETSTAT)) return Number.NaN;
  const lines = readFileSync(NETSTAT, "utf8").split("\n");
  const [names = [], values = []] = lines.filter((l) => l.startsWith("TcpExt:")).map((l) => l.split(" "));
  return Number(values[names.indexOf("ListenOverflows")]);
}

/** One storm on a node of its own. */
async function storm(backend: string, admission: string): Promise<string[]> {
  const server = new BenchProcess("./admission/server.js", SERVER_CORE, [admission, backend]);
  const load = new BenchProcess("./admission/storm.js", LOAD_CORE);
  try {
    const port = await server.ask<number>({ ask: "port" });
    await server.ask({ ask: "begin" });
    const before = overflows();
    const { inMs, pingMs, attempts } = await load.ask<Arrivals>({ ask: "storm", port, count: CLIENTS });
    const { refused, askingMax, delayMaxMs, cpuS } = await server.ask<Figures>({ ask: "figures" });
    return [
      `${backend}, admission ${admission}`,
      figure(inMs.length),
      seconds(percentile(inMs, 0.5)),
      seconds(percentile(inMs, 0.99)),
      seconds(percentile(inMs, 1)),
      figure(attempts),
      figure(refused),
      figure(overflows() - before),
      figure(askingMax),
      millis(percentile(pingMs, 0.5)),
      millis(percentile(pingMs, 0.99)),
      millis(delayMaxMs),
      figure(cpuS),
    ];
  } finally {
    await load.stop();
    await server.stop();
  }
}

/** 10,000 clients at once on one node, with admission and without, in turn. */
export async function benchAdmission(): Promise<void> {
  const rows: string[][] = [];
  for (const backend of ["processor", "database"]) {
    for (const admission of ["off", "on"]) rows.push(await storm(backend, admission));
  }
  console.log(
    `${figure(CLIENTS)} clients at once, each with one join; refused, they come again as phoenix.js does.`,
  );
  console.log(
    "processor: connect works for 0.3 ms. database: connect waits for one of 40 places, for 15 ms.",
  );
  console.log(
    "overflows: how often the system's queue of connections was full; a client tries again after 1, 3, 7 s.",
  );
  console.log("ping: how long a client that was in before waits for an answer during the storm.\n");
  const head = [
    "node",
    "in",
    "p50",
    "p99",
    "last",
    "attempts",
    "refused",
    "overflows",
    "connects at once",
    "ping p50",
    "ping p99",
    "loop max",
    "CPU s",
  ];
  console.log(table(head, rows));
}
