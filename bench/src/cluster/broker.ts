import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A broker under test: a process of its own. */
export interface Broker {
  readonly url: string;
  /** User and system time so far, seconds. */
  cpuS(): number;
  stop(): Promise<void>;
}

/** Clock ticks in a second, as the kernel counts CPU time for `/proc`; the same on all Linux machines of today. */
const TICKS_PER_S = 100;

/** The path of a program, also in folders that a user's search path may lack. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return [...folders, "/usr/local/sbin", "/usr/sbin"].map((folder) => join(folder, name)).find(existsSync);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (takes: boolean): void => {
      socket.destroy();
      resolve(takes);
    };
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}

function cpuOf({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** Starts a broker as it comes out of the box, on a free port of this machine. */
export async function startBroker(kind: "nats" | "redis", program: string): Promise<Broker> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "simurgh-bench-"));
  const args = {
    nats: ["-a", "127.0.0.1", "-p", String(port)],
    redis: ["--bind", "127.0.0.1", "--port", String(port), "--save", "", "--appendonly", "no"],
  };
  const child = spawn(program, args[kind], { cwd: folder, stdio: "ignore" });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let tries = 0; !(await takesConnections(port)); tries++) {
    if (child.exitCode !== null || tries > 250) throw new Error(`${program} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `${kind}://127.0.0.1:${port}`,
    cpuS: () => cpuOf(child),
    stop: async () => {
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
