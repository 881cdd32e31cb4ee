import { serve } from "../process.js";
import { type Dialect, joinRoom } from "./dialects.js";
import type { RawClient } from "./raw-client.js";

/** Connections that are under way at the same time. */
const IN_FLIGHT = 64;

let clients: RawClient[] = [];

async function connectAll(dialect: Dialect, port: number, count: number): Promise<number> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      started++;
      clients.push(await joinRoom(dialect, port));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return clients.length;
}

/** Resolves when every client has got `frames` frames since the last reset, or fails saying how many are missing. */
async function received(frames: number): Promise<number> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const missing = clients.reduce((sum, client) => sum + Math.max(0, frames - client.frames), 0);
    if (missing === 0) return clients.reduce((sum, client) => sum + client.bytes, 0);
    if (Date.now() > deadline) throw new Error(`${missing} frames never came`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function reset(): void {
  for (const client of clients) {
    client.frames = 0;
    client.bytes = 0;
  }
}

serve((request) => {
  switch (request.ask) {
    case "connect":
      return connectAll(request.dialect as Dialect, Number(request.port), Number(request.count)); // Sent by our own bench.
    case "reset":
      return reset();
    case "received":
      return received(Number(request.frames));
    case "close":
      for (const client of clients) client.close();
      clients = [];
      return undefined;
    default:
      throw new Error(`unknown request ${JSON.stringify(request)}`);
  }
});
