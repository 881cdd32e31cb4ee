import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { SimurghError } from "../../runtime/errors.js";
import { createBackoff } from "../fleet/backoff.js";
import { type GuardedChild, startGuarded } from "../support/guarded-child.js";
import { freePorts, loopback } from "../support/ports.js";
import { pause } from "../support/within.js";
import { type BrokerChoice, brokerNeeds } from "./choice.js";

/** A broker that this process runs for its nodes, and starts again when it dies. */
export interface LocalBroker {
  /** Where it is, with the password that nobody else knows. */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** What {@link startLocalBroker} needs. */
export interface LocalBrokerOptions {
  readonly choice: BrokerChoice;
  /** Path of the program. */
  readonly program: string;
  /** A private folder of this fleet. */
  readonly folder: string;
  /** Lines about its life. */
  readonly told: (line: string) => void;
}

const limits = { firstMs: 100, maxMs: 5_000, stableMs: 10_000 };
const upMsMax = 10_000;
const stopMsMax = 2_000;
const pollMs = 20;
/** Of its output, for the message when it does not start. */
const linesKept = 20;

/** Its configuration. Other users of this machine reach its port, so it has a password; in a file, not in arguments. */
function configOf(choice: BrokerChoice, port: number, password: string, folder: string): string[] {
  if (choice === "nats") {
    return [`listen: "${loopback}:${port}"`, `authorization { token: "${password}" }`];
  }
  // It is not to write anything down.
  const nothing = ['save ""', "appendonly no", `dir "${folder}"`];
  return [`bind ${loopback}`, `port ${port}`, `requirepass ${password}`, ...nothing];
}

/** Starts a broker on a free port of this machine. Rejects with `engine_unreachable` when it does not come up. */
export async function startLocalBroker(options: LocalBrokerOptions): Promise<LocalBroker> {
  const { choice, program, folder, told } = options;
  const [port = 0] = await freePorts(1);
  const password = randomBytes(24).toString("base64url");
  const path = join(folder, `${choice}.conf`);
  await writeFile(path, `${configOf(choice, port, password, folder).join("\n")}\n`, { mode: 0o600 });
  const broker = new RunningBroker(choice === "nats" ? [program, "-c", path] : [program, path], options);
  try {
    await broker.untilUp(port);
  } catch (error) {
    await broker.stop();
    throw error;
  }
  told(`runs at ${loopback}:${port} (pid ${broker.pid})`);
  const credentials = choice === "nats" ? password : `:${password}`;
  const url = `${choice}://${credentials}@${loopback}:${port}`;
  return { url, port, stop: () => broker.stop() };
}

class RunningBroker {
  readonly #command: readonly string[];
  readonly #options: LocalBrokerOptions;
  readonly #nextDelay = createBackoff(limits);
  readonly #lines: string[] = [];
  #child: GuardedChild;
  #gone: string | undefined;
  #up = false;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(command: readonly string[], options: LocalBrokerOptions) {
    this.#command = command;
    this.#options = options;
    this.#child = this.#launch();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async untilUp(port: number): Promise<void> {
    const { program } = brokerNeeds[this.#options.choice];
    const deadlineMs = performance.now() + upMsMax;
    while (!(await takesConnections(port))) {
      const words = this.#lines.join("\n");
      if (this.#gone !== undefined) {
        throw new SimurghError("engine_unreachable", `${program} ended (${this.#gone}): ${words}`);
      }
      if (performance.now() > deadlineMs) {
        throw new SimurghError("engine_unreachable", `${program} is not up within ${upMsMax} ms: ${words}`);
      }
      await pause(pollMs);
    }
    this.#up = true;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#gone === undefined) await this.#child.stop(stopMsMax);
  }

  #launch(): GuardedChild {
    const startedMs = performance.now();
    const child = startGuarded(this.#command, this.#options.folder, (line) => {
      this.#lines.push(line);
      if (this.#lines.length > linesKept) this.#lines.shift();
    });
    this.#gone = undefined;
    void child.exited.then((reason) => {
      this.#gone = reason;
      if (this.#stopping || !this.#up) return;
      const delayMs = this.#nextDelay(performance.now() - startedMs);
      this.#options.told(`died: ${reason}; it is started again in ${delayMs / 1000} s`);
      this.#restart = setTimeout(() => {
        this.#child = this.#launch();
      }, delayMs);
    });
    return child;
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: loopback, port });
    const end = (takes: boolean) => {
      socket.destroy();
      resolve(takes);
    };
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}
