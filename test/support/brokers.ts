import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./http.js";
import type { Server } from "./servers.js";
import { until } from "./wait.js";

/** A broker of a test: a process of its own on a free port of loopback. */
export interface Broker {
  readonly port: number;
  readonly pid: number;
  /** Its output so far. */
  readonly output: string;
  /** Kills it with -9. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `kill`. */
  restart(): Promise<void>;
  /** Stops it from running, without a word to its clients. */
  freeze(): void;
  thaw(): void;
  /** Ends it, and removes its files. */
  end(): Promise<void>;
}

/** Files of a broker's folder: names and texts. */
export type Files = Readonly<Record<string, string>>;

/** How a broker is started in a folder at a port, and how it tells that it is ready. */
interface Recipe {
  readonly server: Server;
  readonly files: Files;
  readonly args: (port: number, folder: string) => readonly string[];
  readonly isReady: (port: number) => Promise<boolean>;
}

/** Whether a server takes connections, and answers `question` with what begins with `answer`, if there is one. */
function answers(port: number, question: string, answer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.on("connect", () => {
      if (question !== "") socket.write(question);
      else if (answer === "") end(true);
    });
    socket.once("data", (data) => end(data.toString("latin1").startsWith(answer)));
  });
}

async function startBroker({ server, files, args, isReady }: Recipe): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), "simurgh-broker-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const port = await freePort();
  let output = "";
  let child: ChildProcess;
  let gone: Promise<void> = Promise.resolve();
  const start = async () => {
    let over = false;
    child = spawn(server.path, args(port, folder), { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    gone = new Promise((resolve) => {
      child.on("close", () => {
        over = true;
        resolve();
      });
    });
    await until(() => over || isReady(port), `${server.path} at port ${port}`);
    if (over) throw new Error(`${server.path} ended early:\n${output}`);
  };
  const kill = async () => {
    child.kill("SIGKILL");
    await gone;
  };
  await start();
  return {
    port,
    get pid() {
      return child.pid ?? 0;
    },
    get output() {
      return output;
    },
    kill,
    restart: start,
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    end: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a NATS server; `config` is text of its configuration file, `files` lie beside that. */
export function startNats(server: Server, config = "", files: Files = {}): Promise<Broker> {
  return startBroker({
    server,
    files,
    args: (port, folder) => {
      const path = join(folder, "nats.conf");
      writeFileSync(path, `listen: 127.0.0.1:${port}\n${config}\n`);
      return ["-c", path];
    },
    isReady: (port) => answers(port, "", "INFO"),
  });
}

/** Starts a Redis server; `config` is arguments of its command line. It keeps no data on disk. */
export function startRedis(server: Server, config: readonly string[] = []): Promise<Broker> {
  const quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"];
  return startBroker({
    server,
    files: {},
    args: (port) => ["--port", String(port), ...quiet, ...config],
    // Which sign it gives depends on what it asks for.
    isReady: (port) => answers(port, "PING\r\n", ""),
  });
}

/** Starts a Redis server that speaks TLS only. */
export function startRedisTls(server: Server, files: Files, config: readonly string[]): Promise<Broker> {
  const quiet = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", "0"];
  return startBroker({
    server,
    files,
    args: (port) => ["--tls-port", String(port), ...quiet, ...config],
    isReady: (port) => answers(port, "", ""),
  });
}
