import { WebSocket } from "ws";
import { maskedFrame, RawClient } from "../load/raw-client.js";
import { serve } from "../process.js";
import { CROWDED, ROOM, seen, sharedMs } from "./protocol.js";

/** Connections that are under way at the same time. */
const IN_FLIGHT = 64;
const PATH = "/socket/websocket?vsn=2.0.0";

const seats: RawClient[] = [];
let observers: Observer[] = [];

/** A client that sits in the room and knows who is there, as phoenix.js would. */
class Observer {
  frames = 0;
  bytes = 0;
  /** Entries in the largest frame. */
  readonly keys = new Set<string>();
  count = 0;
  /** When it came to know the last one. */
  lastMs = 0;
  readonly #socket: WebSocket;
  readonly #joined: Promise<void>;

  constructor(port: number) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`);
    this.#joined = new Promise((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.once("open", () => this.#socket.send(JSON.stringify(["1", "1", ROOM, "phx_join", {}])));
      this.#socket.once("message", () => resolve());
    });
    this.#socket.on("message", (data: Buffer) => this.#take(data));
  }

  joined(): Promise<void> {
    return this.#joined;
  }

  reset(): void {
    this.frames = 0;
    this.bytes = 0;
  }

  /** Whether it was told of so many, by name or by number. */
  knows(count: number): boolean {
    return this.keys.size === count || this.count === count;
  }

  close(): void {
    this.#socket.terminate();
  }

  #take(data: Buffer): void {
    this.frames++;
    this.bytes += data.length;
    const [, , , event, payload] = JSON.parse(data.toString()) as [unknown, unknown, string, string, object]; // V2.
    if (event === "presence_diff") {
      const { joins, leaves } = payload as { joins: object; leaves: object }; // Phoenix's form.
      for (const key of Object.keys(joins)) this.keys.add(key);
      for (const key of Object.keys(leaves)) this.keys.delete(key);
    } else if (event === "presence_count") this.count = (payload as { keys: number }).keys; // As documented.
    this.lastMs = sharedMs();
  }
}

async function request(client: RawClient, topic: string, event: string, payload: object): Promise<void> {
  const answered = client.awaitFrame("phx_reply");
  client.send(maskedFrame(JSON.stringify([topic, "1", topic, event, payload])));
  await answered;
}

/** Connects clients, and joins each to a channel of its own. */
async function sit(ports: readonly number[], count: number): Promise<void> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      const seat = started++;
      const client = await RawClient.open(ports[seat % ports.length] ?? 0, PATH);
      seats[seat] = client;
      await request(client, `seat:${seat}`, "phx_join", {});
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

async function observe(ports: readonly number[], each: number): Promise<void> {
  observers = ports.flatMap((port) => Array.from({ length: each }, () => new Observer(port)));
  await Promise.all(observers.map((observer) => observer.joined()));
}

/** Everybody comes, at a fixed rate. */
function come(perSecond: number): Promise<void> {
  for (const observer of observers) observer.reset();
  return new Promise((resolve) => {
    const from = performance.now();
    let came = 0;
    const timer = setInterval(() => {
      const due = Math.min(seats.length, Math.floor(((performance.now() - from) / 1_000) * perSecond));
      for (; came < due; came++) {
        const topic = `seat:${came}`;
        const frame = maskedFrame(JSON.stringify([topic, "2", topic, "come", { key: `user:${came}` }]));
        seats[came]?.send(frame);
      }
      if (came < seats.length) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}

/** Resolves when all observers know all, with what they were told for it. */
async function told(count: number): Promise<object> {
  await seen(() => observers.every((observer) => observer.knows(count)), `all observers know ${count}`);
  const sum = (figure: (observer: Observer) => number): number =>
    observers.reduce((total, observer) => total + figure(observer), 0) / observers.length;
  return {
    frames: sum(({ frames }) => frames),
    bytes: sum(({ bytes }) => bytes),
    lastMs: Math.max(...observers.map(({ lastMs }) => lastMs)),
  };
}

/** One client fills the crowded room from channels of its own, as many from each as a channel may have. */
async function fill(port: number, from: number, upTo: number, each: number): Promise<void> {
  const [client = await RawClient.open(port, PATH)] = seats;
  seats[0] = client;
  for (let i = from; i < upTo; i += each) {
    await request(client, `seat:${i}`, "phx_join", {});
    await request(client, `seat:${i}`, "crowd", { from: i, count: Math.min(each, upTo - i) });
  }
}

const portsOf = (request: Record<string, unknown>): number[] => String(request.ports).split(",").map(Number);

serve((request) => {
  switch (request.ask) {
    case "sit":
      return sit(portsOf(request), Number(request.count));
    case "observe":
      return observe(portsOf(request), Number(request.each));
    case "come":
      return come(Number(request.perSecond));
    case "told":
      return told(Number(request.count));
    case "fill":
      return fill(Number(request.port), Number(request.from), Number(request.upTo), Number(request.each));
    case "close":
      for (const client of seats.splice(0)) client.close();
      for (const observer of observers) observer.close();
      return undefined;
    default:
      throw new Error(`unknown request ${JSON.stringify(request)} about ${CROWDED}`);
  }
});
