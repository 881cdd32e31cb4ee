import { once } from "node:events";
import { connect } from "node:net";
import { hostname } from "node:os";
import { SimurghError } from "../../runtime/errors.js";
import { LineLink } from "../link/line-link.js";
import type { FromWorker, ToWorker } from "../link/messages.js";
import { proveEachOther } from "../link/proof.js";
import { nowUs } from "../wire/clock.js";
import { LoadWorker } from "./load-worker.js";

const proofCharsMax = 4_096;
/** How often the coordinator's clock is asked; the answer that came fastest is taken. */
const clockAsks = 16;

/** Where a worker's coordinator is. */
export interface CoordinatorAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** Whether both are on one machine, so that their clock is one. */
  readonly isLocal: boolean;
}

/** Works for a coordinator until it has finished. The text says why it ended before. */
export async function serveWorker(address: CoordinatorAddress): Promise<string | undefined> {
  const socket = connect(address.port, address.host);
  try {
    await once(socket, "connect");
  } catch (error) {
    throw new SimurghError("load_worker_failed", `no coordinator at ${address.host}:${address.port}`, {
      cause: error,
    });
  }
  const link = new LineLink(socket, proofCharsMax);
  const fault = await proveEachOther(link, address.secret, "worker");
  if (fault !== undefined) throw new SimurghError("load_worker_failed", fault);
  return new Promise((resolve) => {
    const served = new Served(link, address.isLocal, resolve);
    link.listen((message) => served.onMessage(message), served.onEnd);
    served.begin();
  });
}

class Served {
  readonly #link: LineLink;
  readonly #isLocal: boolean;
  readonly #done: (fault: string | undefined) => void;
  readonly #asked: { tripUs: number; offsetUs: number }[] = [];
  #worker: LoadWorker | undefined;
  #finished = false;

  constructor(link: LineLink, isLocal: boolean, done: (fault: string | undefined) => void) {
    this.#link = link;
    this.#isLocal = isLocal;
    this.#done = done;
  }

  begin(): void {
    if (this.#isLocal) this.#ready();
    else this.#send({ kind: "time", sentUs: nowUs() });
  }

  #send(message: FromWorker): void {
    this.#link.send(message);
  }

  #best(): { tripUs: number; offsetUs: number } {
    return this.#asked.reduce(
      (a, b) => (a.tripUs <= b.tripUs ? a : b),
      this.#asked[0] ?? { tripUs: 0, offsetUs: 0 },
    );
  }

  #ready(): void {
    this.#send({ kind: "ready", pid: process.pid, host: hostname(), clockErrorUs: this.#best().tripUs / 2 });
  }

  onMessage(value: unknown): void {
    // The coordinator has proved the secret and the version, so it sends what the version says.
    const message = value as ToWorker;
    if (message.kind === "time") this.#onTime(message.sentUs, message.clockUs);
    else if (message.kind === "plan") this.#start(message);
    else this.#worker?.handle(message);
    if (message.kind === "finish") {
      this.#finished = true;
      this.#link.close();
    }
  }

  #onTime(sentUs: number, clockUs: number): void {
    const tripUs = nowUs() - sentUs;
    this.#asked.push({ tripUs, offsetUs: clockUs - sentUs - tripUs / 2 });
    if (this.#asked.length < clockAsks) this.#send({ kind: "time", sentUs: nowUs() });
    else this.#ready();
  }

  #start(order: Extract<ToWorker, { kind: "plan" }>): void {
    const shiftUs = this.#best().offsetUs - order.zeroUs;
    this.#worker = new LoadWorker(
      order,
      () => nowUs() + shiftUs,
      (message) => this.#send(message),
    );
  }

  readonly onEnd = (reason: string): void => {
    this.#worker?.close();
    this.#done(this.#finished ? undefined : reason);
  };
}
