import { MODES, type Mode } from "./presence/protocol.js";
import { BenchProcess, type Usage } from "./process.js";
import { figure, median, table } from "./stats.js";

const ROUNDS = 2;
const NODES = 3;
const JOINS = 10_000;
const JOINS_PER_SECOND = 2_000;
/** Clients in the room, on each node. */
const OBSERVERS = 2;
/** Presences in the room of which reading is measured. */
const CROWDS = [1_000, 10_000, 100_000] as const;
/** Presences that one channel may have unless told otherwise. */
const PER_CHANNEL = 100;

const NAMES = Object.keys(MODES) as Mode[]; // The keys of a constant are its type's.

/** What one mode has cost. */
interface Figures {
  /** From the last join until every node knew all. */
  readonly nodesMs: number;
  /** From the last join until every observer was told all. */
  readonly clientsMs: number;
  readonly frames: number;
  readonly bytes: number;
  /** CPU time of all nodes for one join. */
  readonly cpuUs: number;
  /** Heap for one presence on one node: the mean of the nodes. */
  readonly heapBytes: number;
}

/** Nodes that know each other, and the process of their clients. */
class Cluster {
  readonly nodes: readonly BenchProcess[] = Array.from(
    { length: NODES },
    () => new BenchProcess("./presence/node.js"),
  );
  readonly crowd = new BenchProcess("./presence/crowd.js");
  ports = "";

  async start(mode: Mode): Promise<void> {
    const addresses: string[] = [];
    const ports: number[] = [];
    for (const [i, node] of this.nodes.entries()) {
      const request = { ask: "start", mode, name: `n${i}@127.0.0.1` };
      const { port, address } = await node.ask<{ port: number; address: string }>(request);
      ports.push(port);
      addresses.push(address);
    }
    for (const [i, node] of this.nodes.entries()) {
      await node.ask({ ask: "connect", addresses: addresses.slice(0, i).join(",") });
    }
    await this.all("meet", { others: NODES - 1 });
    this.ports = ports.join(",");
  }

  all<T>(ask: string, request: object = {}): Promise<T[]> {
    return Promise.all(this.nodes.map((node) => node.ask<T>({ ask, ...request })));
  }

  async stop(): Promise<void> {
    await Promise.all([this.crowd, ...this.nodes].map((one) => one.stop()));
  }
}

async function withCluster<T>(mode: Mode, run: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = new Cluster();
  try {
    await cluster.start(mode);
    return await run(cluster);
  } finally {
    await cluster.stop();
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

function measureJoins(mode: Mode): Promise<Figures> {
  return withCluster(mode, async (cluster) => {
    const { crowd, ports } = cluster;
    await crowd.ask({ ask: "sit", ports, count: JOINS });
    await crowd.ask({ ask: "observe", ports, each: OBSERVERS });
    await cluster.all("usage"); // Twice: the first collection frees what connecting has left behind.
    const before = await cluster.all<Usage>("usage");
    const known = cluster.all<number>("present", { keys: JOINS });
    await crowd.ask({ ask: "come", perSecond: JOINS_PER_SECOND });
    const knownMs = Math.max(...(await known));
    const told = await crowd.ask<{ frames: number; bytes: number; lastMs: number }>({
      ask: "told",
      count: JOINS,
    });
    const lastMs = Math.max(...(await cluster.all<number>("last")));
    const after = await cluster.all<Usage>("usage");
    const cpuS = sumOf(after.map((usage, i) => usage.cpuS - (before[i]?.cpuS ?? 0)));
    const heapBytes = sumOf(after.map((usage, i) => usage.heapBytes - (before[i]?.heapBytes ?? 0)));
    return {
      nodesMs: knownMs - lastMs,
      clientsMs: told.lastMs - lastMs,
      frames: told.frames,
      bytes: told.bytes,
      cpuUs: (cpuS / JOINS) * 1e6,
      heapBytes: heapBytes / NODES / JOINS,
    };
  });
}

/** Reading on one node, by the number of presences in the room. */
async function measureReading(): Promise<
  { readonly size: number; readonly heapBytes: number; readonly us: Record<string, number> }[]
> {
  const node = new BenchProcess("./presence/node.js");
  const crowd = new BenchProcess("./presence/crowd.js");
  try {
    const { port } = await node.ask<{ port: number }>({ ask: "start", mode: "every", name: "n0@127.0.0.1" });
    await crowd.ask({ ask: "fill", port, from: 0, upTo: PER_CHANNEL, each: PER_CHANNEL });
    await node.ask<Usage>({ ask: "usage" });
    const before = await node.ask<Usage>({ ask: "usage" });
    const rows = [];
    let from = PER_CHANNEL;
    for (const size of CROWDS) {
      await crowd.ask({ ask: "fill", port, from, upTo: size, each: PER_CHANNEL });
      from = size;
      const { heapBytes } = await node.ask<Usage>({ ask: "usage" });
      const us = await node.ask<Record<string, number>>({ ask: "reading" });
      rows.push({ size, heapBytes: (heapBytes - before.heapBytes) / (size - PER_CHANNEL), us });
    }
    return rows;
  } finally {
    await Promise.all([node.stop(), crowd.stop()]);
  }
}

const COLUMNS: readonly (readonly [title: string, pick: (figures: Figures) => number])[] = [
  ["nodes agree ms", ({ nodesMs }) => nodesMs],
  ["clients agree ms", ({ clientsMs }) => clientsMs],
  ["frames/client", ({ frames }) => frames],
  ["bytes/client", ({ bytes }) => bytes],
  ["CPU us/join", ({ cpuUs }) => cpuUs],
  ["heap bytes", ({ heapBytes }) => heapBytes],
];

function rowsOf(mode: Mode, rounds: ReadonlyMap<Mode, readonly Figures[]>): string[][] {
  const own = rounds.get(mode) ?? [];
  const row = [mode, ...COLUMNS.map(([, pick]) => figure(median(own.map(pick))))];
  if (mode === "every") return [row];
  // Round by round, so that the machine's drift cancels out.
  const every = rounds.get("every") ?? [];
  const ratios = COLUMNS.map(([, pick]) => {
    const pairs = own.flatMap((figures, i) => {
      const other = every[i];
      return other === undefined ? [] : [pick(figures) / pick(other)];
    });
    return `x${median(pairs).toPrecision(2)}`;
  });
  return [row, [`  ${mode} to every`, ...ratios]];
}

/** Presence at size: ten thousand come into a room of three nodes, in every mode; and reading a hundred thousand. */
export async function benchPresence(): Promise<void> {
  const rounds = new Map<Mode, Figures[]>(NAMES.map((mode) => [mode, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const mode of NAMES) {
      console.log(`round ${round} of ${ROUNDS}: ${mode}`);
      rounds.get(mode)?.push(await measureJoins(mode));
    }
  }
  console.log(
    `\n${JOINS} clients on ${NODES} nodes come into one room, ${JOINS_PER_SECOND} a second; medians of ${ROUNDS} rounds.`,
  );
  console.log(
    `Of them ${OBSERVERS * NODES} more watch the room: what such a client gets is counted there, and not multiplied.`,
  );
  console.log(
    "agree: after the last join. CPU: of all nodes, for a join. heap: for a presence, on each node.\n",
  );
  const titles = COLUMNS.map(([title]) => title);
  console.log(
    table(
      ["mode", ...titles],
      NAMES.flatMap((mode) => rowsOf(mode, rounds)),
    ),
  );
  console.log("\nreading a room on one node, microseconds of CPU a call; page: 100 keys from a key on\n");
  const reading = await measureReading();
  const calls = Object.keys(reading[0]?.us ?? {});
  console.log(
    table(
      ["presences", ...calls, "heap bytes each"],
      reading.map(({ size, us, heapBytes }) => [
        figure(size),
        ...calls.map((call) => figure(us[call] ?? Number.NaN)),
        figure(heapBytes),
      ]),
    ),
  );
}
