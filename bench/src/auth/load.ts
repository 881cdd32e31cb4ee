import { maskedFrame, RawClient } from "../load/raw-client.js";
import { serve } from "../process.js";

/** Connections that are under way at the same time. */
const IN_FLIGHT = 64;
const join = maskedFrame('["1","1","room:bench","phx_join",{}]');
let clients: RawClient[] = [];

async function connectOne(port: number, path: string): Promise<RawClient> {
  const client = await RawClient.open(port, path);
  const joined = client.awaitFrame("phx_reply");
  client.send(join);
  await joined;
  return client;
}

/** Connects and joins; resolves with the seconds that took. */
async function connectAll(port: number, path: string, count: number): Promise<number> {
  const startMs = performance.now();
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      started++;
      clients.push(await connectOne(port, path));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (performance.now() - startMs) / 1000;
}

serve((request) => {
  if (request.ask === "connect")
    return connectAll(Number(request.port), String(request.path), Number(request.count));
  if (request.ask !== "close") throw new Error(`unknown request ${JSON.stringify(request)}`);
  for (const client of clients) client.close();
  clients = [];
  return undefined;
});
