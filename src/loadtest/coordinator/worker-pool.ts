import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { SimurghError } from "../../runtime/errors.js";
import { LineLink } from "../link/line-link.js";
import type { FromWorker, ToWorker } from "../link/messages.js";
import { proveEachOther } from "../link/proof.js";
import { nowUs } from "../wire/clock.js";

const proofCharsMax = 4_096;
const readyMsMax = 30_000;
const program = fileURLToPath(new URL("../worker/main.js", import.meta.url));

/** Where workers of other machines may join. */
export interface JoinAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** How many are waited for. */
  readonly workers: number;
}

/** One worker that has joined. */
export interface PoolWorker {
  readonly pid: number;
  readonly host: string;
  readonly clockErrorUs: number;
  readonly link: LineLink;
}

/** What the owner of a pool is told. */
export interface PoolListener {
  onMessage(worker: number, message: FromWorker): void;
  onLost(worker: number, reason: string): void;
}

/** The workers of a run: processes of this machine, and those of others that join. */
export class WorkerPool {
  readonly #server: Server;
  readonly #children: ChildProcess[] = [];
  readonly #workers: PoolWorker[] = [];
  readonly #secret: string;
  readonly #size: number;
  #listener: PoolListener = { onMessage: () => {}, onLost: () => {} };
  #onChange: () => void = () => {};
  #fault: string | undefined;

  private constructor(server: Server, secret: string, join: JoinAddress | undefined, local: number) {
    this.#server = server;
    this.#secret = secret;
    this.#size = local + (join?.workers ?? 0);
    server.on("connection", (socket) => this.#welcome(socket));
  }

  /** Starts `local` workers, waits for those that are to join, and resolves when all are ready. */
  static async start(
    local: number,
    join: JoinAddress | undefined,
    signal: AbortSignal,
    onListening: (port: number) => void,
  ): Promise<WorkerPool> {
    const secret = join?.secret ?? randomBytes(24).toString("hex");
    const server = createServer();
    server.listen(join?.port ?? 0, join?.host ?? "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      throw new SimurghError(
        "load_worker_failed",
        `cannot listen for workers on ${join?.host}:${join?.port}`,
        {
          cause: error,
        },
      );
    }
    // A TCP server that listens has an address with a port.
    const { port } = server.address() as AddressInfo;
    const pool = new WorkerPool(server, secret, join, local);
    if (join !== undefined) onListening(port);
    for (let n = 0; n < local; n++) pool.#spawn(port, secret);
    try {
      await pool.#ready(signal, join === undefined ? readyMsMax : Number.POSITIVE_INFINITY);
    } catch (error) {
      pool.close();
      throw error;
    }
    return pool;
  }

  /** Those that have joined; a worker's place is its number. */
  get workers(): readonly PoolWorker[] {
    return this.#workers;
  }

  /** Takes what the workers tell from now on. */
  listen(listener: PoolListener): void {
    this.#listener = listener;
  }

  /** Tells one worker, or all. */
  send(message: ToWorker, worker?: number): void {
    const targets = worker === undefined ? this.#workers : [this.#workers[worker]];
    for (const target of targets) target?.link.send(message);
  }

  /** Ends them all. */
  close(): void {
    this.#server.close();
    for (const { link } of this.#workers) link.end("the run is over");
    for (const child of this.#children) child.kill("SIGKILL");
  }

  #spawn(port: number, secret: string): void {
    const env = { ...process.env, SIMURGH_LOAD_PORT: String(port), SIMURGH_LOAD_SECRET: secret };
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "ignore", "inherit"], env });
    child.on("exit", (code, signal) => {
      this.#fault ??= `a worker's process ended: ${signal ?? `exit code ${code}`}`;
      this.#onChange();
    });
    child.on("error", (error) => {
      this.#fault ??= error.message;
      this.#onChange();
    });
    this.#children.push(child);
  }

  async #ready(signal: AbortSignal, limitMs: number): Promise<void> {
    const late = Number.isFinite(limitMs) ? setTimeout(() => this.#expire(limitMs), limitMs) : undefined;
    const onAbort = () => this.#onChange();
    signal.addEventListener("abort", onAbort);
    try {
      while (this.#workers.length < this.#size && !signal.aborted) {
        if (this.#fault !== undefined) throw new SimurghError("load_worker_failed", this.#fault);
        await new Promise<void>((resolve) => {
          this.#onChange = resolve;
        });
      }
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #expire(limitMs: number): void {
    this.#fault ??= `only ${this.#workers.length} of ${this.#size} workers were ready within ${limitMs / 1_000} s`;
    this.#onChange();
  }

  #welcome(socket: Socket): void {
    const link = new LineLink(socket, proofCharsMax);
    void proveEachOther(link, this.#secret, "coordinator").then((fault) => {
      if (fault !== undefined) return;
      let number: number | undefined;
      link.listen(
        (value) => {
          // The worker has proved the secret and the version, so it sends what the version says.
          const message = value as FromWorker;
          if (message.kind === "time") link.send({ kind: "time", sentUs: message.sentUs, clockUs: nowUs() });
          else if (message.kind === "ready") number = this.#join(link, message);
          else if (number !== undefined) this.#listener.onMessage(number, message);
        },
        (reason) => {
          if (number !== undefined) this.#listener.onLost(number, reason);
        },
      );
    });
  }

  #join(
    link: LineLink,
    { pid, host, clockErrorUs }: Extract<FromWorker, { kind: "ready" }>,
  ): number | undefined {
    if (this.#workers.length >= this.#size) {
      link.end("there are workers enough");
      return undefined;
    }
    this.#workers.push({ pid, host, clockErrorUs, link });
    this.#onChange();
    return this.#workers.length - 1;
  }
}
