import { connect } from "node:net";
import type { Clock } from "../../../contracts/clock.js";

/**
 * Whether a server is there and speaks first, as NATS servers do: undefined, or the reason why not. The client must
 * not meet one that is frozen: it would give up in time, but leave the socket of each attempt open for ever.
 */
export function greets(
  host: string,
  port: number,
  timeoutMs: number,
  clock: Clock,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reason: string | undefined) => {
      cancel();
      socket.destroy();
      resolve(reason);
    };
    const cancel = clock.after(timeoutMs, () => end("no answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    socket.on("close", () => end("closed at once"));
    socket.once("data", (data) =>
      end(data.toString("latin1").startsWith("INFO") ? undefined : "not a NATS server"),
    );
  });
}
