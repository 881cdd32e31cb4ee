import { BenchProcess } from "../process.js";
import { type Broker, findProgram, startBroker } from "./broker.js";
import type { WireBytes } from "./wire.js";

/** The engines beside each other. */
export const ENGINES = ["mesh", "nats", "redis"] as const;

/** One of them. */
export type Engine = (typeof ENGINES)[number];

/** The program that an engine cannot do without, when this machine lacks it. */
export function missingProgram(engine: Engine): string | undefined {
  if (engine === "mesh") return undefined;
  const program = `${engine}-server`;
  return findProgram(program) === undefined ? program : undefined;
}

/** Several nodes, each a process of its own, and their broker. The first one publishes. */
export class Nodes {
  readonly all: readonly BenchProcess[];
  readonly #engine: Engine;
  readonly #broker: Broker | undefined;

  private constructor(engine: Engine, all: readonly BenchProcess[], broker: Broker | undefined) {
    this.#engine = engine;
    this.all = all;
    this.#broker = broker;
  }

  /** Starts them, and waits until each knows each. */
  static async start(engine: Engine, size: number, messageBytes: number): Promise<Nodes> {
    const program = engine === "mesh" ? undefined : findProgram(`${engine}-server`);
    const broker =
      engine === "mesh" || program === undefined ? undefined : await startBroker(engine, program);
    const all = Array.from({ length: size }, () => new BenchProcess("./cluster/node.js"));
    const nodes = new Nodes(engine, all, broker);
    const addresses: string[] = [];
    for (const [i, node] of all.entries()) {
      const request = { ask: "start", engine, name: `n${i}@bench`, url: broker?.url ?? "", messageBytes };
      addresses.push(await node.ask<string>(request));
    }
    for (const [i, node] of all.entries()) {
      await node.ask({ ask: "connect", addresses: addresses.slice(0, i).join(",") });
    }
    for (const node of all) await node.ask({ ask: "meet", others: size - 1 });
    return nodes;
  }

  get publisher(): BenchProcess {
    const [first] = this.all;
    if (first === undefined) throw new Error("there are no nodes");
    return first;
  }

  get receivers(): readonly BenchProcess[] {
    return this.all.slice(1);
  }

  /** CPU time of all nodes and the broker, seconds. */
  async cpuS(): Promise<number> {
    let sum = this.#broker?.cpuS() ?? 0;
    for (const node of this.all) sum += await node.ask<number>({ ask: "cpu" });
    return sum;
  }

  /** Bytes that have travelled over connections: by the mesh once, by a broker into it and out of it. */
  async wireBytes(): Promise<number> {
    let sum = 0;
    for (const node of this.all) {
      const { sent, received } = await node.ask<WireBytes>({ ask: "wire" });
      sum += this.#engine === "mesh" ? sent : sent + received;
    }
    return sum;
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((node) => node.stop()));
    await this.#broker?.stop();
  }
}
