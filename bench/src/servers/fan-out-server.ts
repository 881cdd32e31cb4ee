import { serve, usage } from "../process.js";

/** What each server under test offers to the bench. */
export interface ServerUnderTest {
  readonly port: number;
  /** Sends one message to everybody in the room. */
  broadcast(): void;
}

/** Serves the bench's requests on top of a server: usage, and paced broadcasts. */
export function serveBench(server: ServerUnderTest): void {
  serve((request) => {
    switch (request.ask) {
      case "port":
        return server.port;
      case "usage":
        return usage();
      case "broadcast":
        return broadcastPaced(
          server,
          Number(request.messages),
          Number(request.burst),
          Number(request.everyMs),
        );
      default:
        throw new Error(`unknown request ${JSON.stringify(request)}`);
    }
  });
}

/** Sends `messages` in bursts, one burst every `everyMs`; resolves with the CPU seconds that took. */
function broadcastPaced(
  server: ServerUnderTest,
  messages: number,
  burst: number,
  everyMs: number,
): Promise<number> {
  const before = usage().cpuS;
  return new Promise((resolve) => {
    let sent = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < burst; i++) server.broadcast();
      sent += burst;
      if (sent < messages) return;
      clearInterval(timer);
      // A little later, so that what was queued has been written, too.
      setTimeout(() => {
        const { user, system } = process.cpuUsage();
        resolve((user + system) / 1e6 - before);
      }, 100);
    }, everyMs);
  });
}
