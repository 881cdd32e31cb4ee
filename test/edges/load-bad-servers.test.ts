import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { LoadScenario } from "../../src/load.js";
import { FaultyServer } from "../support/faulty-server.js";
import { LoadHarness } from "../support/load-run.js";
import { until } from "../support/wait.js";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A TCP server that does this with each connection. */
async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return `ws://127.0.0.1:${typeof address === "object" ? address?.port : 0}/socket`;
}

/** Answers each request with these bytes. */
const answering = (text: string) => rawServer((socket) => socket.once("data", () => socket.write(text)));

const hasty = { limits: { connect: "300ms", join: "300ms" } } as const;

async function failureOf(
  scenario: Omit<LoadScenario, "connections">,
  counter: "connectErrors" | "joinErrors",
) {
  const load = new LoadHarness({ connections: 3, ...hasty, ...scenario }, 1);
  cleanUps.push(() => load.close());
  await until(() => load.collector.counters[counter] >= 3, `${counter} to be counted`, 15_000);
  await load.finish();
  expect(load.collector.status().joined).toBe(0);
  return load.collector.failures()[0]?.name;
}

describe("a server that cannot be used is counted and named", () => {
  it("when it is not there", async () => {
    const url = await rawServer(() => {});
    await cleanUps.pop()?.();
    expect(await failureOf({ url }, "connectErrors")).toBe("connect: ECONNREFUSED");
  });

  it("when its name is unknown", async () => {
    const url = "ws://no-such-host.invalid/socket";
    expect(await failureOf({ url }, "connectErrors")).toMatch(/^connect: (ENOTFOUND|EAI_AGAIN)$/);
  });

  it("when it refuses", async () => {
    const url = await answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    expect(await failureOf({ url }, "connectErrors")).toBe("connect: handshake answered with 403");
  });

  it("when it speaks nonsense instead of HTTP", async () => {
    const url = await answering("SSH-2.0-hello\r\n");
    expect(await failureOf({ url }, "connectErrors")).toBe(
      "connect: the answer to the handshake is not HTTP",
    );
  });

  it("when it accepts with a wrong key", async () => {
    const url = await answering("HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\n\r\n");
    expect(await failureOf({ url }, "connectErrors")).toBe("connect: handshake with a wrong accept key");
  });

  it("when it closes at once", async () => {
    const url = await rawServer((socket) => socket.destroy());
    expect(await failureOf({ url }, "connectErrors")).toMatch(
      /^connect: (closed without a close frame|ECONNRESET|EPIPE)$/,
    );
  });

  it("when it takes the connection and says nothing", async () => {
    const url = await rawServer(() => {});
    expect(await failureOf({ url }, "connectErrors")).toBe("connect: no answer to the handshake in time");
  });

  it("when it does not poll", async () => {
    const url = await answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    const name = await failureOf({ url, longPollShare: 1 }, "connectErrors");
    expect(name).toBe("connect: nonsense: a poll answered with 200 and no JSON");
  });

  it("when it refuses joins, and when it does not answer them", async () => {
    const refusing = await FaultyServer.start({ join: () => "unauthorized" });
    cleanUps.push(() => refusing.stop());
    expect(await failureOf({ url: refusing.url }, "joinErrors")).toBe("join: error unauthorized");
    const silent = await FaultyServer.start({ join: () => undefined });
    cleanUps.push(() => silent.stop());
    expect(await failureOf({ url: silent.url }, "joinErrors")).toBe("join: no reply to the join in time");
  });

  it("when it stops answering heartbeats", async () => {
    const server = await FaultyServer.start({ heartbeats: false });
    cleanUps.push(() => server.stop());
    const load = new LoadHarness({ connections: 2, url: server.url, heartbeat: "1s" }, 1);
    cleanUps.push(() => load.close());
    await until(() => load.collector.counters.heartbeatErrors >= 2, "unanswered heartbeats", 15_000);
    expect(load.collector.failures()[0]?.name).toBe("connection: a heartbeat was not answered");
  });
});
