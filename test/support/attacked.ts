import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "./http.js";
import { fixture, type Program, startProgram } from "./program.js";
import { RawWebSocket } from "./raw-websocket.js";
import { until } from "./wait.js";

/** What the server of `test/fixtures/attacked-server.mjs` says of itself. */
export interface AttackedFacts {
  readonly rss: number;
  /** Whether somebody has put something on the prototype of all objects. */
  readonly polluted: boolean;
  readonly stats: Readonly<Record<string, number>>;
}

/** A line of its log. */
export type LogEntry = Readonly<Record<string, unknown>> & {
  readonly level: string;
  readonly message: string;
};

/** Beside the pages lies a file with this text; nobody outside may ever see it. */
export const SECRET_TEXT = "the text of a file outside of the pages";

/** A server process under attack. */
export class Attacked {
  readonly port: number;
  readonly #program: Program;
  readonly #folder: string;

  private constructor(port: number, program: Program, folder: string) {
    this.port = port;
    this.#program = program;
    this.#folder = folder;
  }

  static async start(): Promise<Attacked> {
    const folder = mkdtempSync(join(tmpdir(), "simurgh-attacked-"));
    mkdirSync(join(folder, "pages"));
    writeFileSync(join(folder, "pages", "index.html"), "<p>a page</p>");
    writeFileSync(join(folder, "pages", ".hidden"), SECRET_TEXT);
    writeFileSync(join(folder, "secret.txt"), SECRET_TEXT);
    const env = { PAGES: join(folder, "pages") };
    const program = startProgram(process.execPath, [fixture("attacked-server.mjs")], env);
    const port = Number((await program.line("port ")).slice(5));
    return new Attacked(port, program, folder);
  }

  async facts(): Promise<AttackedFacts> {
    return JSON.parse((await ask(this.port, "/facts")).body);
  }

  /** The lines of the log from level `info` on, those after the first `since`. */
  log(since = 0): LogEntry[] {
    return this.#program.stdout
      .split("\n")
      .filter((line) => line.startsWith("log "))
      .map((line) => JSON.parse(line.slice(4)))
      .filter(({ level }) => level !== "debug")
      .slice(since);
  }

  /** All that it has ever written. */
  get output(): string {
    return this.#program.stdout + this.#program.stderr;
  }

  /** Waits for the line that says that this limit was exceeded. */
  exceeded(limit: string): Promise<LogEntry> {
    const find = (entry: LogEntry): boolean => entry.message === "limit exceeded" && entry.limit === limit;
    return until(() => this.log().find(find), `a line of the log about ${limit}`, 20_000);
  }

  /** Connects and joins. */
  async joined(target = "/socket/websocket?vsn=2.0.0", topic = "room:1"): Promise<RawWebSocket> {
    const raw = await RawWebSocket.open(this.port, target);
    raw.message("1", "1", topic, "phx_join", {});
    await until(() => raw.messages.length > 0, "the join reply", 20_000);
    return raw;
  }

  async stop(): Promise<void> {
    this.#program.child.kill("SIGKILL");
    await this.#program.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
