import { expect } from "vitest";
import { WebSocket } from "ws";
import { ask } from "./http.js";
import { fixture, type Program, startProgram } from "./program.js";
import { until } from "./wait.js";

/** What the server of `test/fixtures/hostile-server.mjs` says of itself. */
export interface Facts {
  readonly resources: Readonly<Record<string, number>>;
  readonly heapUsed: number;
  readonly external: number;
  readonly rss: number;
  /** Errors that nobody caught: each would have ended a process that does not watch for them. */
  readonly uncaught: readonly string[];
  readonly logged: Readonly<Record<"debug" | "info" | "warn" | "error", number>>;
  readonly stats: Readonly<Record<string, number>> & { readonly pubsub: Readonly<Record<string, number>> };
}

/** A client that minds its own business: it pings for ever, and counts the server's ticks. */
class Witness {
  readonly #socket: WebSocket;
  #pongs = 0;
  #tick: number | undefined = undefined;
  /** What went wrong; it is to stay empty. */
  readonly complaints: string[] = [];

  constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket/websocket?vsn=2.0.0`);
    this.#socket.on("open", () => this.#send(["1", "1", "room:ticks", "phx_join", {}]));
    this.#socket.on("message", (data) => this.#read(JSON.parse(String(data))));
    this.#socket.on("error", ({ message }) => this.complaints.push(message));
    this.#socket.on("close", (code) => this.complaints.push(`closed with ${code}`));
  }

  #send(message: readonly unknown[]): void {
    this.#socket.send(JSON.stringify(message));
  }

  #ping(): void {
    this.#send(["1", "ping", "room:ticks", "ping", { n: this.#pongs }]);
  }

  #read([, ref, topic, event, payload]: [unknown, unknown, string, string, unknown]): void {
    if (topic !== "room:ticks") this.complaints.push(`a message for ${topic}`);
    if (event === "tick") this.#readTick(payload as { n: number });
    else if (event !== "phx_reply") this.complaints.push(`a message ${event}`);
    else if (ref === "1") this.#ping();
    else this.#readPong(payload as { status: string; response: { n: number } });
  }

  #readTick({ n }: { n: number }): void {
    if (this.#tick !== undefined && n !== this.#tick + 1) {
      this.complaints.push(`tick ${n} after ${this.#tick}`);
    }
    this.#tick = n;
  }

  #readPong({ status, response }: { status: string; response: { n: number } }): void {
    if (status !== "ok" || response.n !== this.#pongs) this.complaints.push(`${status} ${response.n}`);
    this.#pongs += 1;
    this.#ping();
  }

  /** Resolves when both pongs and ticks have gone on from now; whatever was wrong until now fails the test. */
  async isWell(): Promise<void> {
    const [pongs, tick] = [this.#pongs, this.#tick ?? -1];
    await until(
      () => this.complaints.length > 0 || (this.#pongs > pongs + 3 && (this.#tick ?? -1) > tick + 3),
      "the witness to go on",
      30_000,
    );
    expect(this.complaints).toEqual([]);
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.terminate();
  }
}

/** A server process under attack, and a witness. */
export class Hostile {
  readonly port: number;
  readonly program: Program;
  readonly witness: Witness;
  #before: Facts | undefined = undefined;

  private constructor(port: number, program: Program) {
    this.port = port;
    this.program = program;
    this.witness = new Witness(port);
  }

  /**
   * Starts the server. `warmUp` runs once before the first measurement: code is compiled, caches are filled.
   * With `filesMax` the process may hold no more files and connections than that.
   */
  static async start(
    warmUp: (port: number) => Promise<void>,
    env: NodeJS.ProcessEnv = {},
    filesMax?: number,
  ): Promise<Hostile> {
    const node = [process.execPath, "--expose-gc", fixture("hostile-server.mjs")];
    const limit = filesMax === undefined ? "" : `ulimit -n ${filesMax} && `;
    const program = startProgram("sh", ["-c", `${limit}exec "$@"`, "sh", ...node], env);
    const port = Number((await program.line("port ")).slice(5));
    const hostile = new Hostile(port, program);
    await hostile.witness.isWell();
    await warmUp(port);
    hostile.#before = await hostile.#settled();
    return hostile;
  }

  async facts(): Promise<Facts> {
    return JSON.parse((await ask(this.port, "/facts")).body);
  }

  /** Facts when no connection is left but the witness, and the one that asks. */
  async #settled(): Promise<Facts> {
    let facts = await this.facts();
    await until(
      async () => {
        facts = await this.facts();
        return facts.stats.connections === 1 && facts.resources.TCPSocketWrap === 2;
      },
      "all connections but the witness's to be gone",
      30_000,
    ).catch((cause) => {
      throw new Error(`${JSON.stringify(facts)}`, { cause });
    });
    return facts;
  }

  /** The server lives, caught everything, and holds what it held before, but for `slackBytes` of heap. */
  async expectNothingLeft(slackBytes: number): Promise<void> {
    await this.witness.isWell();
    const before = this.#before;
    if (before === undefined) throw new Error("measure before");
    let after = await this.#settled();
    expect(after.uncaught).toEqual([]);
    const heapMax = before.heapUsed + before.external + slackBytes;
    await until(async () => {
      after = await this.facts();
      expect(after.resources).toEqual(before.resources);
      expect(after.stats).toMatchObject({ connections: 1, channels: 1 });
      expect(after.stats.pubsub.topics).toBe(before.stats.pubsub.topics);
      expect(after.heapUsed + after.external).toBeLessThanOrEqual(heapMax);
      return true;
    }, "the server to hold what it held before");
  }

  async stop(): Promise<void> {
    this.witness.close();
    this.program.child.kill("SIGKILL");
    await this.program.ended;
  }
}
