import { maskedFrame, RawClient } from "../load/raw-client.js";
import { payloadBody } from "../message.js";
import { serve } from "../process.js";

const join = maskedFrame('["1","1","room:bench","phx_join",{}]');
const push = (event: string): Buffer =>
  maskedFrame(JSON.stringify(["1", "2", "room:bench", event, { body: payloadBody }]));
const pushes = new Map(["say", "echo"].map((event) => [event, push(event)]));
/** The rooms of all servers, by their ports. */
const rooms = new Map<number, readonly RawClient[]>();

async function enter(port: number): Promise<RawClient> {
  const client = await RawClient.open(port, "/socket/websocket?vsn=2.0.0");
  const joined = client.awaitFrame("phx_reply");
  client.send(join);
  await joined;
  return client;
}

async function fill(port: number, count: number): Promise<void> {
  const clients: RawClient[] = [];
  while (clients.length < count) clients.push(await enter(port));
  rooms.set(port, clients);
}

/** One client pushes in bursts, each when everybody who was to hear of the one before has. */
async function talk(port: number, event: string, bursts: number, burst: number): Promise<void> {
  const room = rooms.get(port) ?? [];
  const [talker] = room;
  const frame = pushes.get(event);
  if (talker === undefined || frame === undefined) throw new Error(`no room at ${port} for ${event}`);
  const bytes = Buffer.concat(Array.from({ length: burst }, () => frame));
  const hearers = event === "say" ? room : [talker];
  const before = new Map(hearers.map((client) => [client, client.frames]));
  for (let sent = burst; sent <= bursts * burst; sent += burst) {
    talker.send(bytes);
    const deadline = Date.now() + 30_000;
    while (hearers.some((client) => client.frames < (before.get(client) ?? 0) + sent)) {
      if (Date.now() > deadline) throw new Error("frames never came");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

serve((request) => {
  const port = Number(request.port);
  if (request.ask === "fill") return fill(port, Number(request.count));
  if (request.ask === "talk")
    return talk(port, String(request.event), Number(request.bursts), Number(request.burst));
  throw new Error(`unknown request ${JSON.stringify(request)}`);
});
