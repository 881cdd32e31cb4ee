import { ENGINES, type Engine, missingProgram, Nodes } from "./cluster/nodes.js";
import { figure, median, table } from "./stats.js";

const ROUNDS = 3;
const MESSAGE_BYTES = 120;
const PACED_PER_SECOND = 1_000;
const PACED_MESSAGES = 5_000;
const FLOOD_RECEIVERS = 4;
const FLOOD_MESSAGES = 300_000;
const FLOOD_WARM_UP = 50_000;
const WIRE_MESSAGES = 10_000;
const WIRE_INTERESTED = [0, 1, 4] as const;

interface Round {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  /** CPU time of all processes for one message to all receivers. */
  readonly cpuUs: number;
  /** Bytes for one message, by the number of interested nodes. */
  readonly wireBytes: readonly number[];
}

async function withNodes<T>(engine: Engine, size: number, run: (nodes: Nodes) => Promise<T>): Promise<T> {
  const nodes = await Nodes.start(engine, size, MESSAGE_BYTES);
  try {
    return await run(nodes);
  } finally {
    await nodes.stop();
  }
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function measureLatency(engine: Engine): Promise<{ p50Us: number; p99Us: number }> {
  return withNodes(engine, 2, async ({ publisher, receivers: [receiver] }) => {
    if (receiver === undefined) throw new Error("there are two nodes");
    await receiver.ask({ ask: "hear-paced" });
    const paced = async (count: number): Promise<void> => {
      await receiver.ask({ ask: "reset" });
      await publisher.ask({ ask: "paced", perSecond: PACED_PER_SECOND, count });
      await receiver.ask({ ask: "received", count });
    };
    await paced(PACED_MESSAGES / 2); // So that the compiler is done.
    await paced(PACED_MESSAGES);
    const latencies = await receiver.ask<number[]>({ ask: "latencies" });
    const sorted = latencies.map((ns) => ns / 1_000).sort((a, b) => a - b);
    return { p50Us: quantile(sorted, 0.5), p99Us: quantile(sorted, 0.99) };
  });
}

function measureThroughput(engine: Engine): Promise<{ perSecond: number; cpuUs: number }> {
  return withNodes(engine, 1 + FLOOD_RECEIVERS, async (nodes) => {
    const { publisher, receivers } = nodes;
    await publisher.ask({ ask: "hear-progress" });
    for (const receiver of receivers) await receiver.ask({ ask: "hear-flood" });
    const flood = async (count: number): Promise<number> => {
      for (const receiver of receivers) await receiver.ask({ ask: "reset" });
      return publisher.ask<number>({ ask: "flood", count, receivers: receivers.length });
    };
    await flood(FLOOD_WARM_UP);
    const before = await nodes.cpuS();
    const seconds = await flood(FLOOD_MESSAGES);
    const cpuS = (await nodes.cpuS()) - before;
    return { perSecond: FLOOD_MESSAGES / seconds, cpuUs: (cpuS / FLOOD_MESSAGES) * 1e6 };
  });
}

function measureWire(engine: Engine): Promise<number[]> {
  return withNodes(engine, 5, async (nodes) => {
    const { publisher, receivers } = nodes;
    const bytes: number[] = [];
    let listening = 0;
    for (const interested of WIRE_INTERESTED) {
      for (const receiver of receivers.slice(listening, interested))
        await receiver.ask({ ask: "hear-paced" });
      listening = interested;
      bytes.push(await bytesPerMessage(nodes, publisher, receivers.slice(0, listening)));
    }
    return bytes;
  });
}

async function bytesPerMessage(
  nodes: Nodes,
  publisher: Nodes["publisher"],
  listeners: Nodes["receivers"],
): Promise<number> {
  // What the nodes say to each other anyway is measured in a time without messages, and taken off.
  const idleFrom = await nodes.wireBytes();
  const idleStartMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const idlePerMs = ((await nodes.wireBytes()) - idleFrom) / (performance.now() - idleStartMs);
  for (const listener of listeners) await listener.ask({ ask: "reset" });
  const before = await nodes.wireBytes();
  const startMs = performance.now();
  await publisher.ask({ ask: "trickle", count: WIRE_MESSAGES });
  for (const listener of listeners) await listener.ask({ ask: "received", count: WIRE_MESSAGES });
  const bytes = (await nodes.wireBytes()) - before - idlePerMs * (performance.now() - startMs);
  return Math.max(0, bytes / WIRE_MESSAGES);
}

/** How nodes reach each other by mesh, NATS and Redis, all in the same run. */
export async function benchCluster(): Promise<void> {
  const engines = ENGINES.filter((engine) => {
    const missing = missingProgram(engine);
    if (missing !== undefined) console.log(`${engine} is left out: there is no ${missing} on this machine`);
    return missing === undefined;
  });
  const rounds = new Map<Engine, Round[]>(engines.map((engine) => [engine, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const engine of engines) {
      console.log(`round ${round} of ${ROUNDS}: ${engine}`);
      const latency = await measureLatency(engine);
      const throughput = await measureThroughput(engine);
      rounds.get(engine)?.push({ ...latency, ...throughput, wireBytes: await measureWire(engine) });
    }
  }
  console.log(`\nmessages of ${MESSAGE_BYTES} bytes; medians of ${ROUNDS} rounds`);
  console.log(`latency: one way, between two nodes, ${PACED_PER_SECOND} messages a second`);
  console.log(`messages a second: from one node to ${FLOOD_RECEIVERS}, each getting all of them`);
  console.log("CPU: of all nodes and the broker, for a message to all of them");
  console.log(
    `bytes: on all connections, for a message that ${WIRE_INTERESTED.join(", ")} of 4 nodes want\n`,
  );
  const head = ["engine", "p50 us", "p99 us", "messages/s", "CPU us/msg"];
  const bytes = WIRE_INTERESTED.map((interested) => `bytes, ${interested}`);
  console.log(
    table(
      [...head, ...bytes],
      engines.flatMap((engine) => rowsOf(engine, rounds)),
    ),
  );
}

const PICKS: readonly ((round: Round) => number)[] = [
  (round) => round.p50Us,
  (round) => round.p99Us,
  (round) => round.perSecond,
  (round) => round.cpuUs,
];

function rowsOf(engine: Engine, rounds: ReadonlyMap<Engine, readonly Round[]>): string[][] {
  const own = rounds.get(engine) ?? [];
  const bytes = WIRE_INTERESTED.map((_, i) => (round: Round) => round.wireBytes[i] ?? Number.NaN);
  const figures = [...PICKS, ...bytes].map((pick) => figure(median(own.map(pick))));
  const row = [engine, ...figures];
  if (engine === "mesh") return [row];
  // Round by round, so that the machine's drift cancels out.
  const mesh = rounds.get("mesh") ?? [];
  const ratios = PICKS.map((pick) => {
    const pairs = own.flatMap((round, i) => {
      const other = mesh[i];
      return other === undefined ? [] : [pick(other) / pick(round)];
    });
    return `x${median(pairs).toFixed(2)}`;
  });
  return [row, [`  mesh to ${engine}`, ...ratios]];
}
