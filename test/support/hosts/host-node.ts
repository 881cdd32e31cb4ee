import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fixture, type Program, startProgram } from "../program.js";
import { type Host, HostNetwork } from "./host-network.js";

const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

/** One line of a node's log. */
export interface LogEvent {
  readonly atMs: number;
  readonly level: string;
  readonly text: string;
}

/** What a node says at `/view`. */
export interface View {
  readonly name: string;
  /** Whom messages flow to and from. */
  readonly nodes: readonly string[];
  readonly stats: Readonly<Record<string, number>>;
}

/** `2026-01-31T12:00:00.000Z INFO  mesh node up node=…` */
const logLine = /^(\d{4}-\S+Z) ([A-Z]+) +(.*)$/;

/** A real `simurgh node` on a host of its own. */
export class HostNode {
  readonly host: Host;
  readonly label: string;
  readonly program: Program;
  readonly events: LogEvent[] = [];
  /** A Unix socket that leads to the node's port from any namespace. */
  readonly door: string;
  readonly #folder: string;

  /** Starts it; does not wait. `args` are those of `simurgh node`, besides the application and the host's address. */
  constructor(host: Host, args: readonly string[], secret: string, label = host.label) {
    this.host = host;
    this.label = label;
    this.#folder = mkdtempSync(join(tmpdir(), "simurgh-host-"));
    this.door = join(this.#folder, "door");
    const command = [main, "node", fixture("hosts-app.mjs"), "--host", host.address, ...args];
    this.program = startProgram(...HostNetwork.within(host, process.execPath, command), {
      SIMURGH_SECRET: secret,
      TEST_DOOR: this.door,
    });
    let rest = "";
    this.program.child.stderr?.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#onLine(line);
    });
  }

  /** Its name, once it listens. */
  async name(): Promise<string> {
    return (await this.program.line("")).split(" ")[0] ?? "";
  }

  /** Where its log says that it begins: when it has been loaded, before it looks for others. */
  get beganMs(): number {
    return this.events.find(({ text }) => text === "node begins")?.atMs ?? Number.NaN;
  }

  /** Lines of its log that begin like this, from a moment on. */
  since(sinceMs: number, beginning: string): LogEvent[] {
    return this.events.filter(({ atMs, text }) => atMs >= sinceMs && text.startsWith(beginning));
  }

  signal(signal: NodeJS.Signals): void {
    this.program.child.kill(signal);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.program.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Asks it whom it sees. */
  view(): Promise<View> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.door, path: "/view", timeout: 2_000 }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve(JSON.parse(text)));
      });
      asked.on("timeout", () => asked.destroy(new Error(`${this.label} does not answer`)));
      asked.on("error", reject);
      asked.end();
    });
  }

  #onLine(line: string): void {
    const [, time = "", level = "", text = ""] = logLine.exec(line) ?? [];
    if (text !== "") this.events.push({ atMs: Date.parse(time), level, text });
  }
}
