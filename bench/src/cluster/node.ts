import { type MeshAdapter, mesh, type PubSubAdapter } from "simurgh";
import { nats } from "simurgh/nats";
import { redis } from "simurgh/redis";
import { serve } from "../process.js";
import { benchHost } from "./host.js";
import { watchWire } from "./wire.js";

/** Messages that a flood may be ahead of its slowest receiver. */
const WINDOW = 20_000;
/** A receiver tells how far it is each time it has got this many. */
const PROGRESS_EVERY = 1_000;
const PROGRESS_TOPIC = "bench:progress";
/** Messages published in one turn of the event loop at most. */
const TURN_MESSAGES = 256;
const FLOOD_TOPICS = Array.from({ length: 16 }, (_, i) => `room:flood:${i}`);
const PACED_TOPIC = "room:paced";
const WAIT_MS = 60_000;

const wire = watchWire();
let name = "";
let adapter: PubSubAdapter | undefined;
let meshed: MeshAdapter | undefined;
let messageBytes = 0;
let received = 0;
let progress = new Map<string, number>();
const latenciesNs: number[] = [];

function engine(): PubSubAdapter {
  if (adapter === undefined) throw new Error("the node has not started");
  return adapter;
}

function onMessage(topic: string, data: Uint8Array): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (topic === PROGRESS_TOPIC) {
    progress.set(new TextDecoder().decode(data.subarray(4)), view.getUint32(0));
    return;
  }
  if (topic === PACED_TOPIC) latenciesNs.push(Number(process.hrtime.bigint() - view.getBigUint64(0)));
  received++;
  if (topic !== PACED_TOPIC && received % PROGRESS_EVERY === 0) tellProgress();
}

function tellProgress(): void {
  const message = Buffer.alloc(4 + Buffer.byteLength(name));
  message.writeUInt32BE(received, 0);
  message.write(name, 4);
  engine().publish(PROGRESS_TOPIC, message);
}

async function start(request: Record<string, unknown>): Promise<string> {
  name = String(request.name);
  messageBytes = Number(request.messageBytes);
  const url = String(request.url);
  if (request.engine === "mesh") adapter = meshed = mesh({ secret: "the secret of a bench" });
  else adapter = request.engine === "nats" ? nats({ servers: url }) : redis({ url });
  await adapter.start(benchHost(name, onMessage));
  return meshed?.address === undefined ? "" : `${meshed.address.host}:${meshed.address.port}`;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`${name} waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function subscribeTo(topics: readonly string[]): Promise<void> {
  await Promise.all(topics.map((topic) => engine().subscribe(topic)));
}

/** Publishes one message after the other at a fixed rate; each carries the time at which it was published. */
function publishPaced(perSecond: number, count: number): Promise<void> {
  return new Promise((resolve) => {
    const from = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - from) / 1_000) * perSecond));
      for (; sent < due; sent++) {
        const message = Buffer.alloc(messageBytes);
        message.writeBigUInt64BE(process.hrtime.bigint(), 0);
        engine().publish(PACED_TOPIC, message);
      }
      if (sent < count) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}

/** Publishes as fast as the slowest of `receivers` takes it. Resolves with the seconds until each has all. */
async function flood(count: number, receivers: number): Promise<number> {
  progress = new Map();
  const message = Buffer.alloc(messageBytes, "x");
  const slowest = (): number => (progress.size < receivers ? 0 : Math.min(...progress.values()));
  const from = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const step = (): void => {
      const until = Math.min(count, sent + TURN_MESSAGES, slowest() + WINDOW);
      for (; sent < until; sent++) engine().publish(FLOOD_TOPICS[sent % FLOOD_TOPICS.length] ?? "", message);
      if (sent < count) setImmediate(step);
      else resolve();
    };
    step();
  });
  await until(() => slowest() === count, "everybody has all");
  const dropped = engine().stats().dropped_messages ?? 0;
  if (dropped > 0) throw new Error(`${dropped} messages were dropped`);
  return (performance.now() - from) / 1_000;
}

/** Publishes for the count of bytes: no matter who wants it, in small turns, so that nothing is dropped. */
async function trickle(count: number): Promise<void> {
  const message = Buffer.alloc(messageBytes, "x");
  for (let sent = 0; sent < count; sent++) {
    engine().publish(PACED_TOPIC, message);
    if (sent % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

serve(async (request) => {
  switch (request.ask) {
    case "start":
      return start(request);
    case "connect":
      for (const address of String(request.addresses).split(","))
        if (address !== "") meshed?.connect(address);
      return undefined;
    case "meet":
      return until(() => engine().nodes().length === Number(request.others), "the nodes know each other");
    case "hear-paced":
      return subscribeTo([PACED_TOPIC]);
    case "hear-flood":
      return subscribeTo(FLOOD_TOPICS);
    case "hear-progress":
      return subscribeTo([PROGRESS_TOPIC]);
    case "reset":
      received = 0;
      latenciesNs.length = 0;
      return undefined;
    case "paced":
      return publishPaced(Number(request.perSecond), Number(request.count));
    case "flood":
      return flood(Number(request.count), Number(request.receivers));
    case "trickle":
      return trickle(Number(request.count));
    case "received":
      return until(() => received >= Number(request.count), `${request.count} messages`);
    case "latencies":
      return latenciesNs;
    case "wire":
      return wire();
    case "cpu": {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }
    default:
      throw new Error(`unknown request ${JSON.stringify(request)}`);
  }
});
