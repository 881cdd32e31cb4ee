import { createServer } from "node:net";
import type { Address } from "../../../contracts/network.js";
import { SimurghError } from "../../../runtime/errors.js";
import { agentAnswer } from "./answer.js";

/** What {@link startAgent} needs. */
export interface AgentOptions {
  readonly address: Address;
  readonly connectionsMax: number | undefined;
  /** Share of time, 0 to 1, that the node was busy lately. */
  readonly busy: () => number;
  /** Whether the node takes new connections now. MUST NOT reject. */
  readonly isReady: () => Promise<boolean>;
}

/** Where HAProxy asks a node how it is. */
export interface Agent {
  readonly port: number;
  stop(): Promise<void>;
}

/** Askers at a time; more are cut. */
const askersMax = 64;
/** How long one may take to read its answer and close. */
const askMsMax = 2_000;

/** Answers HAProxy's agent checks. Rejects with `endpoint_bind_failed`. It does not keep the process alive. */
export async function startAgent({ address, connectionsMax, busy, isReady }: AgentOptions): Promise<Agent> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.setTimeout(askMsMax, () => socket.destroy());
    // The fault of an asker's connection is its own.
    socket.on("error", () => {});
    socket.resume();
    void isReady().then((ready) => {
      socket.end(agentAnswer({ isReady: ready, busy: busy(), connectionsMax }));
    });
  });
  server.maxConnections = askersMax;
  server.unref();
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const words = `the agent cannot listen on ${host} port ${port}: ${cause.message}`;
      reject(new SimurghError("endpoint_bind_failed", words, { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
