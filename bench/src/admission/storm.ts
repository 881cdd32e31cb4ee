import { maskedFrame, RawClient } from "../load/raw-client.js";
import { serve } from "../process.js";

/** The waits of phoenix.js after it lost its connection, milliseconds; then 5 s each time. */
const PHOENIX_WAITS_MS = [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000];
const PHOENIX_LAST_MS = 5_000;

/** A client that is not in after this long gives up its connection and begins again, as impatient ones do. */
const PATIENCE_MS = 20_000;

/** The storm is over after this, whoever is in. */
const STORM_MS = 120_000;

/** Connections opened in one turn; all at once would be one long turn of this process. */
const AT_ONCE = 500;

const join = maskedFrame('["1","1","room:bench","phx_join",{}]');
const ping = maskedFrame('["1","p","room:bench","ping",{}]');

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Storm {
  /** Milliseconds from the storm's beginning until each was in. */
  readonly inMs: number[];
  attempts: number;
  readonly clients: RawClient[];
}

async function attempt(port: number, storm: Storm): Promise<boolean> {
  storm.attempts++;
  let client: RawClient | undefined;
  let given = false;
  const entering = (async (): Promise<boolean> => {
    client = await RawClient.open(port, "/socket/websocket?vsn=2.0.0");
    if (given) {
      client.close();
      return false;
    }
    const answered = client.awaitFrame("phx_reply");
    client.send(join);
    await answered;
    return true;
  })().catch(() => false);
  const patience = pause(PATIENCE_MS).then(() => "late" as const);
  const result = await Promise.race([entering, patience]);
  if (result === true && client !== undefined) {
    storm.clients.push(client);
    return true;
  }
  given = true;
  client?.close();
  return false;
}

/** One client of the fleet: comes, and comes again until it is in. */
async function arrive(port: number, storm: Storm, startedMs: number): Promise<void> {
  for (let tries = 0; performance.now() - startedMs < STORM_MS; tries++) {
    if (await attempt(port, storm)) {
      storm.inMs.push(performance.now() - startedMs);
      return;
    }
    await pause(PHOENIX_WAITS_MS[tries] ?? PHOENIX_LAST_MS);
  }
}

/** A client that is in already, and asks for an answer 20 times a second; gives back how long each answer took. */
async function resident(port: number, over: Promise<unknown>): Promise<number[]> {
  const client = await RawClient.open(port, "/socket/websocket?vsn=2.0.0");
  const joined = client.awaitFrame("phx_reply");
  client.send(join);
  await joined;
  const tookMs: number[] = [];
  let going = true;
  void over.then(() => (going = false));
  while (going) {
    const sentMs = performance.now();
    const answered = client.awaitFrame("phx_reply");
    client.send(ping);
    await answered;
    tookMs.push(performance.now() - sentMs);
    await pause(50);
  }
  client.close();
  return tookMs;
}

async function storm(port: number, count: number) {
  const state: Storm = { inMs: [], attempts: 0, clients: [] };
  let end = (): void => {};
  const over = new Promise<void>((resolve) => (end = resolve));
  const inside = resident(port, over);
  await pause(500);
  const startedMs = performance.now();
  const all: Promise<void>[] = [];
  while (all.length < count) {
    for (let i = 0; i < AT_ONCE && all.length < count; i++) all.push(arrive(port, state, startedMs));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  end();
  const pingMs = await inside;
  for (const client of state.clients) client.close();
  return { inMs: state.inMs, attempts: state.attempts, pingMs };
}

serve((request) => {
  if (request.ask === "storm") return storm(Number(request.port), Number(request.count));
  throw new Error(`unknown request ${JSON.stringify(request)}`);
});
