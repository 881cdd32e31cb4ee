import { createServer } from "node:net";
import { performance } from "node:perf_hooks";
import type { Address } from "../../../contracts/network.js";
import { SimurghError } from "../../../runtime/errors.js";
import { agentAnswer } from "./answer.js";

/** What {@link startAgent} needs. */
export interface AgentOptions {
  readonly address: Address;
  readonly connectionsMax: number | undefined;
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
/** A busy share is that of at least such a time. */
const windowMsMin = 1_000;

/** Answers HAProxy's agent checks. Rejects with `endpoint_bind_failed`. It does not keep the process alive. */
export async function startAgent({ address, connectionsMax, isReady }: AgentOptions): Promise<Agent> {
  const busy = measureBusy();
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

/** The share of time that this process was busy lately; whoever asks often gets the same answer. */
function measureBusy(): () => number {
  let from = performance.eventLoopUtilization();
  let atMs = performance.now();
  let share = 0;
  return () => {
    const nowMs = performance.now();
    if (nowMs - atMs >= windowMsMin) {
      share = performance.eventLoopUtilization(from).utilization;
      from = performance.eventLoopUtilization();
      atMs = nowMs;
    }
    return share;
  };
}
