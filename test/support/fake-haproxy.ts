import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A server as the fake HAProxy has it. */
export interface FakeServer {
  address: string;
  weight: number;
  isChecked: boolean;
  /** 0: ready; 1: maintenance; 8: drain. */
  admin: number;
}

/** What becomes of a command; `lost` ones are done, but the answer is cut off. */
export type Fate = "answered" | "hangs" | "garbage" | "dropped" | "lost";

/** A runtime socket without an HAProxy: it keeps a table of servers, and does as badly as a test wants. */
export class FakeHaproxy {
  readonly path: string;
  readonly servers = new Map<string, FakeServer>();
  /** Commands that change something, in the order in which they came. */
  readonly told: string[] = [];
  fate: (command: string) => Fate = () => "answered";
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  #listener: Server | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, "haproxy.sock");
  }

  static async start(): Promise<FakeHaproxy> {
    const fake = new FakeHaproxy(await mkdtemp(join(tmpdir(), "simurgh-test-")));
    await fake.listen();
    return fake;
  }

  listen(): Promise<void> {
    const listener = createServer((socket) => this.#onSocket(socket));
    this.#listener = listener;
    return new Promise((resolve) => listener.listen(this.path, resolve));
  }

  /** The socket is gone, with all who use it. */
  async leave(): Promise<void> {
    const listener = this.#listener;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => (listener === undefined ? resolve(0) : listener.close(resolve)));
  }

  async stop(): Promise<void> {
    await this.leave();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #onSocket(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    socket.once("data", (bytes) => {
      const command = String(bytes).trim();
      const fate = this.fate(command);
      if (fate === "answered") socket.end(this.#answer(command));
      else if (fate === "garbage") socket.end("\u0000HTTP/1.1 400 Bad request\r\n\r\n");
      else if (fate === "lost") this.#answer(command);
      if (fate === "dropped" || fate === "lost") socket.destroy();
    });
  }

  #answer(command: string): string {
    if (command === "show servers state") return this.#state();
    if (command.startsWith("show stat")) return this.#stat();
    this.told.push(command);
    const [, verb = "", target = "", rest = ""] = /^(\w+ \w+(?: server)?) (\S+) ?(.*)$/.exec(command) ?? [];
    const server = this.servers.get(target);
    if (verb === "add server") {
      const [address = "", , weight] = rest.split(" ");
      this.servers.set(target, { address, weight: Number(weight), isChecked: false, admin: 1 });
      return "New server registered.\n";
    }
    if (server === undefined) return "No such server.\n";
    if (verb === "enable health") server.isChecked = true;
    if (verb === "shutdown sessions server") return "\n";
    if (verb === "del server") {
      if (server.admin !== 1) return "Only servers in maintenance mode can be deleted.\n";
      this.servers.delete(target);
      return "Server deleted.\n";
    }
    const [what, value, , port] = rest.split(" ");
    if (what === "addr") {
      server.address = `${value}:${port}`;
      return "IP changed\n";
    }
    if (what === "weight") server.weight = Number(value);
    if (what === "state") server.admin = value === "ready" ? 0 : 1;
    return "\n";
  }

  #state(): string {
    const head =
      "be_name srv_name srv_addr srv_port srv_uweight srv_op_state srv_admin_state srv_check_state";
    const lines = [...this.servers].map(([target, { address, weight, isChecked, admin }]) => {
      const [host, port] = address.split(":");
      return `${target.replace("/", " ")} ${host} ${port} ${weight} 2 ${admin} ${isChecked ? 6 : 3}`;
    });
    return `1\n# ${head}\n${lines.join("\n")}\n\n`;
  }

  #stat(): string {
    const lines = [...this.servers].map(([target, { admin }]) => {
      return `${target.replace("/", ",")},${admin === 0 ? "UP" : "MAINT"},0,`;
    });
    return `# pxname,svname,status,scur,\n${lines.join("\n")}\n\n`;
  }
}
