import { BenchProcess, type Usage } from "../process.js";
import { figure, median, table } from "../stats.js";

const SERVER_CORE = 0;
const LOAD_CORE = 1;
const ROOM_SIZE = 1_000;
/** Even, so that each server is as often the first as the last. */
const SLICES = 24;

/** The same server three times: what the first two differ by is what the figures are worth. */
const SERVERS = ["off", "off, again", "on"] as const;

/**
 * What one client does in a slice, and how many messages the server writes for it. All slices together stay within
 * `messagesBurstMax`: nothing is to be refused.
 */
const QUESTIONS = [
  { name: `a push to ${ROOM_SIZE}`, event: "say", bursts: 10, burst: 5, writes: 50 * ROOM_SIZE },
  { name: "a push and its reply", event: "echo", bursts: 10, burst: 500, writes: 5_000 },
] as const;

/** A server with limits or without, and the CPU that each slice took, by question. */
class Server {
  readonly name: string;
  readonly process: BenchProcess;
  readonly cpuS: number[][] = QUESTIONS.map(() => []);
  port = 0;

  constructor(name: string) {
    this.name = name;
    this.process = new BenchProcess("./auth/limits-server.js", SERVER_CORE, [name === "on" ? "on" : "off"]);
  }

  async measure(load: BenchProcess, question: (typeof QUESTIONS)[number]): Promise<number> {
    const { event, bursts, burst } = question;
    const before = await this.process.ask<Usage>({ ask: "usage" });
    await load.ask({ ask: "talk", port: this.port, event, bursts, burst });
    const after = await this.process.ask<Usage>({ ask: "usage" });
    return after.cpuS - before.cpuS;
  }
}

/** What the limits of a socket cost on the way of a message through the server, those without in the same run. */
export async function benchLimits(): Promise<void> {
  const servers = SERVERS.map((name) => new Server(name));
  const load = new BenchProcess("./auth/limits-load.js", LOAD_CORE);
  try {
    for (const server of servers) {
      server.port = await server.process.ask<number>({ ask: "port" });
      await load.ask({ ask: "fill", port: server.port, count: ROOM_SIZE });
    }
    for (const [index, question] of QUESTIONS.entries()) {
      for (let slice = 0; slice <= SLICES; slice++) {
        // There and back, so that a machine that gets slower or faster weighs on all of them.
        for (const server of slice % 2 === 0 ? servers : servers.toReversed()) {
          const cpuS = await server.measure(load, question);
          if (slice > 0) server.cpuS[index]?.push(cpuS);
        }
      }
    }
  } finally {
    await Promise.all([load, ...servers.map((server) => server.process)].map((one) => one.stop()));
  }
  console.log(report(servers));
}

function report(servers: readonly Server[]): string {
  const [floor] = servers;
  const rows = QUESTIONS.flatMap(({ name, writes }, index) =>
    servers.map((server) => {
      const cpuS = server.cpuS[index] ?? [];
      const ratios = cpuS.map((value, i) => value / (floor?.cpuS[index]?.[i] ?? Number.NaN));
      const percent = `${((median(ratios) - 1) * 100).toFixed(1)} %`;
      const perMessageUs = (median(cpuS) * 1e6) / writes;
      return [`${name}, limits ${server.name}`, figure(perMessageUs), server === floor ? "-" : percent];
    }),
  );
  const head = ["one client pushes", "µs of CPU a message", "more"];
  return `${table(head, rows)}\n\nmedians of ${SLICES} slices, taken in turn, each beside its neighbour`;
}
