import type { Dialect } from "./load/dialects.js";
import { BenchProcess, type Usage } from "./process.js";
import { figure, median, table } from "./stats.js";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const ROOM_SIZE = 2_000;
const IDLE_CONNECTIONS = 5_000;
const JOINS = 500;
/** Short slices, taken in turn: a machine whose speed drifts treats neighbours alike. */
const SLICES = 12;
const IDLE_ROUNDS = 3;

const DIALECTS: readonly Dialect[] = ["simurgh", "raw-socket", "bare-ws", "socket-io"];

/** What is measured of each server; one figure a slice. */
const QUESTIONS = ["one at a time", "bursts of 10", "connect+join", "RSS bytes/conn"] as const;
type Question = (typeof QUESTIONS)[number];

/** A server and its load, each on its own core. */
class Pair {
  readonly dialect: Dialect;
  readonly figures = new Map<Question, number[]>(QUESTIONS.map((question) => [question, []]));
  readonly #server: BenchProcess;
  readonly #load: BenchProcess;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
    this.#server = new BenchProcess(`./servers/${dialect}.js`, SERVER_CORE);
    this.#load = new BenchProcess("./load/worker.js", LOAD_CORE);
  }

  /** Connects and joins `count` more clients. */
  async join(count: number): Promise<void> {
    const port = await this.#server.ask<number>({ ask: "port" });
    await this.#load.ask({ ask: "connect", dialect: this.dialect, port, count });
  }

  /** Cuts all clients. */
  async leave(): Promise<void> {
    await this.#load.ask({ ask: "close" });
  }

  usage(): Promise<Usage> {
    return this.#server.ask<Usage>({ ask: "usage" });
  }

  /** Deliveries per CPU second of the server. */
  async fanOut(messages: number, burst: number, everyMs: number): Promise<number> {
    await this.#load.ask({ ask: "reset" });
    const cpuS = await this.#server.ask<number>({ ask: "broadcast", messages, burst, everyMs });
    await this.#load.ask({ ask: "received", frames: messages });
    return (messages * ROOM_SIZE) / cpuS;
  }

  /** Connects and joins per CPU second of the server. */
  async connects(): Promise<number> {
    const before = await this.usage();
    await this.join(JOINS);
    const after = await this.usage();
    await this.leave();
    return JOINS / (after.cpuS - before.cpuS);
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#server.stop();
  }
}

async function withPairs(
  run: (pairs: readonly Pair[]) => Promise<void>,
  pairs: readonly Pair[],
): Promise<void> {
  try {
    await run(pairs);
  } finally {
    await Promise.all(pairs.map((pair) => pair.stop()));
  }
}

/** Asks one question of every server in turn, slice by slice; the first slice warms up and does not count. */
async function inTurn(
  pairs: readonly Pair[],
  question: Question,
  ask: (pair: Pair) => Promise<number>,
): Promise<void> {
  for (let slice = 0; slice <= SLICES; slice++) {
    for (const pair of pairs) {
      const figure = await ask(pair);
      if (slice > 0) pair.figures.get(question)?.push(figure);
    }
  }
}

async function measureSpeed(pairs: readonly Pair[]): Promise<void> {
  for (const pair of pairs) await pair.join(ROOM_SIZE);
  await inTurn(pairs, "one at a time", (pair) => pair.fanOut(40, 1, 20));
  await inTurn(pairs, "bursts of 10", (pair) => pair.fanOut(100, 10, 80));
  for (const pair of pairs) await pair.leave();
  await inTurn(pairs, "connect+join", (pair) => pair.connects());
}

async function measureIdle(pair: Pair): Promise<number> {
  await pair.join(200); // The first connections bring code and caches along.
  const before = await pair.usage();
  await pair.join(IDLE_CONNECTIONS);
  await pair.usage(); // Twice: the first collection frees, the second gives pages back.
  return ((await pair.usage()).rssBytes - before.rssBytes) / IDLE_CONNECTIONS;
}

/** Fan-out, connect and join, and idle memory of the whole server, beside bare `ws` and Socket.IO in the same run. */
export async function benchCore(): Promise<void> {
  const pairs = DIALECTS.map((dialect) => new Pair(dialect));
  await withPairs(measureSpeed, pairs);
  for (let round = 0; round < IDLE_ROUNDS; round++) {
    for (const pair of pairs) {
      const idle = new Pair(pair.dialect);
      await withPairs(
        async () => void pair.figures.get("RSS bytes/conn")?.push(await measureIdle(idle)),
        [idle],
      );
    }
  }
  const [ours] = pairs;
  const rows = pairs.flatMap((pair) =>
    ours === undefined || pair === ours ? [row(pair)] : [row(pair), ratios(ours, pair)],
  );
  console.log(
    `${ROOM_SIZE} connections in one room, 120-byte messages, each server in turn, ${SLICES} slices;`,
  );
  console.log(
    `connect+join over ${JOINS} a slice; memory over ${IDLE_CONNECTIONS} connections, ${IDLE_ROUNDS} rounds.`,
  );
  console.log("Medians; deliveries and joins per CPU second of the server; ratios slice by slice.\n");
  console.log(table(["server", ...QUESTIONS], rows));
}

function figuresOf(pair: Pair, question: Question): readonly number[] {
  return pair.figures.get(question) ?? [];
}

function row(pair: Pair): string[] {
  return [pair.dialect, ...QUESTIONS.map((question) => figure(median(figuresOf(pair, question))))];
}

/** Ours against theirs, slice by slice. */
function ratios(ours: Pair, theirs: Pair): string[] {
  const of = (question: Question): string => {
    const others = figuresOf(theirs, question);
    return `x${median(figuresOf(ours, question).map((value, i) => value / (others[i] ?? Number.NaN))).toFixed(2)}`;
  };
  return [`  simurgh to ${theirs.dialect}`, ...QUESTIONS.map(of)];
}
