import type { Dialect } from "./load/dialects.js";
import { BenchProcess, type Usage } from "./process.js";
import { figure, median, table } from "./stats.js";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const ROUNDS = 3;
const ROOM_SIZE = 2_000;
const IDLE_CONNECTIONS = 5_000;
const JOINS = 3_000;

const DIALECTS: readonly Dialect[] = ["simurgh", "bare-ws", "socket-io"];

interface Round {
  readonly singles: number;
  readonly bursts: number;
  readonly joins: number;
  readonly idleBytes: number;
}

/** A server and its load, each on its own core. */
class Pair {
  readonly server: BenchProcess;
  readonly load: BenchProcess;
  readonly #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.server = new BenchProcess(`./servers/${dialect}.js`, SERVER_CORE);
    this.load = new BenchProcess("./load/worker.js", LOAD_CORE);
  }

  /** Connects and joins `count` more clients. */
  async join(count: number): Promise<void> {
    const port = await this.server.ask<number>({ ask: "port" });
    await this.load.ask({ ask: "connect", dialect: this.#dialect, port, count });
  }

  usage(): Promise<Usage> {
    return this.server.ask<Usage>({ ask: "usage" });
  }

  /** Deliveries per CPU second of the server. */
  async fanOut(messages: number, burst: number, everyMs: number): Promise<number> {
    await this.load.ask({ ask: "reset" });
    const cpuS = await this.server.ask<number>({ ask: "broadcast", messages, burst, everyMs });
    await this.load.ask({ ask: "received", frames: messages });
    return (messages * ROOM_SIZE) / cpuS;
  }

  async stop(): Promise<void> {
    await this.load.stop();
    await this.server.stop();
  }
}

async function withPair<T>(dialect: Dialect, run: (pair: Pair) => Promise<T>): Promise<T> {
  const pair = new Pair(dialect);
  try {
    return await run(pair);
  } finally {
    await pair.stop();
  }
}

function measureFanOut(dialect: Dialect): Promise<{ singles: number; bursts: number }> {
  return withPair(dialect, async (pair) => {
    await pair.join(ROOM_SIZE);
    await pair.fanOut(20, 1, 25); // Warm up, so that the compiler is done.
    const singles = await pair.fanOut(120, 1, 25);
    await pair.fanOut(100, 10, 100);
    const bursts = await pair.fanOut(300, 10, 100);
    return { singles, bursts };
  });
}

function measureJoins(dialect: Dialect): Promise<number> {
  return withPair(dialect, async (pair) => {
    await pair.join(1_000);
    const before = await pair.usage();
    await pair.join(JOINS);
    return JOINS / ((await pair.usage()).cpuS - before.cpuS);
  });
}

function measureIdle(dialect: Dialect): Promise<number> {
  return withPair(dialect, async (pair) => {
    await pair.join(200); // The first connections bring code and caches along.
    const before = await pair.usage();
    await pair.join(IDLE_CONNECTIONS);
    await pair.usage(); // Twice: the first collection frees, the second gives pages back.
    return ((await pair.usage()).rssBytes - before.rssBytes) / IDLE_CONNECTIONS;
  });
}

/** Fan-out, connect and join, and idle memory of the whole server, beside bare `ws` and Socket.IO in the same run. */
export async function benchCore(): Promise<void> {
  const rounds = new Map<Dialect, Round[]>(DIALECTS.map((dialect) => [dialect, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const dialect of DIALECTS) {
      console.log(`round ${round} of ${ROUNDS}: ${dialect}`);
      const { singles, bursts } = await measureFanOut(dialect);
      const joins = await measureJoins(dialect);
      const idleBytes = await measureIdle(dialect);
      rounds.get(dialect)?.push({ singles, bursts, joins, idleBytes });
    }
  }
  const ours = rounds.get("simurgh") ?? [];
  const rows = DIALECTS.flatMap((dialect) => [
    summary(dialect, rounds.get(dialect) ?? []),
    ratio(ours, dialect, rounds),
  ]);
  console.log(
    `\n${ROOM_SIZE} connections in one room, 120-byte messages; joins over ${JOINS}; memory over ${IDLE_CONNECTIONS}`,
  );
  console.log(`medians of ${ROUNDS} rounds; deliveries and joins per CPU second of the server\n`);
  console.log(
    table(
      ["server", "one at a time", "bursts of 10", "connect+join", "RSS bytes/conn"],
      rows.filter((row) => row.length > 0),
    ),
  );
}

function summary(dialect: Dialect, of: readonly Round[]): string[] {
  const of4 = (pick: (round: Round) => number): string => figure(median(of.map(pick)));
  return [dialect, of4((r) => r.singles), of4((r) => r.bursts), of4((r) => r.joins), of4((r) => r.idleBytes)];
}

/** Ours against theirs, round by round, so that the machine's drift cancels out. */
function ratio(
  ours: readonly Round[],
  dialect: Dialect,
  all: ReadonlyMap<Dialect, readonly Round[]>,
): string[] {
  if (dialect === "simurgh") return [];
  const theirs = all.get(dialect) ?? [];
  const of = (pick: (round: Round) => number): string => {
    const pairs = ours.flatMap((round, i) => {
      const other = theirs[i];
      return other === undefined ? [] : [pick(round) / pick(other)];
    });
    return `x${median(pairs).toFixed(2)}`;
  };
  return [
    `  simurgh to ${dialect}`,
    of((r) => r.singles),
    of((r) => r.bursts),
    of((r) => r.joins),
    of((r) => r.idleBytes),
  ];
}
