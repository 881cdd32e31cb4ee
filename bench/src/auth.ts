import { KINDS, type Kind } from "./auth/kinds.js";
import { benchLimits } from "./auth/limits.js";
import { BenchProcess, type Usage } from "./process.js";
import { figure, median, table } from "./stats.js";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const JOINS = 500;
/** Short slices, taken in turn: a machine whose speed drifts treats neighbours alike. */
const SLICES = 12;

/** One slice: connects and joins a second of the clock, and of the server's CPU. */
interface Slice {
  readonly perS: number;
  readonly perCpuS: number;
}

/** A server that asks for one kind of token. */
class Server {
  readonly kind: Kind;
  readonly slices: Slice[] = [];
  readonly process: BenchProcess;
  #address: { port: number; path: string } | undefined = undefined;

  constructor(kind: Kind) {
    this.kind = kind;
    this.process = new BenchProcess("./auth/server.js", SERVER_CORE, [kind]);
  }

  async measure(load: BenchProcess): Promise<Slice> {
    this.#address ??= await this.process.ask<{ port: number; path: string }>({ ask: "address" });
    const before = await this.process.ask<Usage>({ ask: "usage" });
    const tookS = await load.ask<number>({ ask: "connect", count: JOINS, ...this.#address });
    const after = await this.process.ask<Usage>({ ask: "usage" });
    await load.ask({ ask: "close" });
    return { perS: JOINS / tookS, perCpuS: JOINS / (after.cpuS - before.cpuS) };
  }
}

/** What it costs to verify the token of everybody who connects, beside a server that asks for none; and what limits cost. */
export async function benchAuth(): Promise<void> {
  const servers = KINDS.map((kind) => new Server(kind));
  const load = new BenchProcess("./auth/load.js", LOAD_CORE);
  try {
    for (let slice = 0; slice <= SLICES; slice++) {
      for (const server of servers) {
        const measured = await server.measure(load);
        // The first slice warms up: it compiles code, and fetches keys.
        if (slice > 0) server.slices.push(measured);
      }
    }
  } finally {
    await Promise.all([load, ...servers.map((server) => server.process)].map((one) => one.stop()));
  }
  console.log(`${report(servers)}\n`);
  await benchLimits();
}

function report(servers: readonly Server[]): string {
  const [floor] = servers;
  const rows = servers.map(({ kind, slices }) => {
    // Neighbouring slices are compared with each other, so that a slow minute weighs on both sides.
    const ratio = (of: keyof Slice): string =>
      median(slices.map((slice, i) => slice[of] / (floor?.slices[i]?.[of] ?? Number.NaN))).toFixed(2);
    const cpuUs = slices.map(({ perCpuS }) => 1e6 / perCpuS);
    return [
      kind,
      figure(median(slices.map(({ perS }) => perS))),
      ratio("perS"),
      figure(median(slices.map(({ perCpuS }) => perCpuS))),
      ratio("perCpuS"),
      figure(median(cpuUs)),
    ];
  });
  const head = ["connect + join", "a second", "ratio", "a CPU second", "ratio", "µs of CPU each"];
  return `${table(head, rows)}\n\nmedians of ${SLICES} slices of ${JOINS}, taken in turn`;
}
