import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { useClients } from "../support/clients-room.js";
import {
  collect,
  connectWithFallback,
  joinTopic,
  outcome,
  phoenixVariants,
} from "../support/phoenix-clients.js";
import { until } from "../support/wait.js";

const newest = phoenixVariants.filter(({ name }) => name.includes("newest"));
const sendsBytes = phoenixVariants.filter(({ binary }) => binary !== "not at all");
const getsBytes = phoenixVariants.filter(({ binary }) => binary === "both ways");

describe.each(newest)("$name", ({ connect: open }) => {
  const { serve, connect } = useClients(open);

  test("proves itself with an auth token that no URL carries", async () => {
    const { port } = await serve();
    const channel = connect(port, { authToken: "my-auth-token" }).channel("room:1");
    expect(await outcome(channel.join())).toMatchObject(["ok", { authToken: "my-auth-token" }]);
  });
});

describe.each(sendsBytes)("$name", ({ connect: open }) => {
  const { serve, connect } = useClients(open);

  test("sends bytes", async () => {
    const { port } = await serve();
    const channel = await joinTopic(connect(port), "room:1");
    const bytes = new Uint8Array(1000).fill(7).buffer;
    expect(await outcome(channel.push("measure", bytes))).toEqual(["ok", { bytes: 1000 }]);
  });
});

describe.each(getsBytes)("$name", ({ connect: open }) => {
  const { serve, connect } = useClients(open);

  test("gets bytes as answer and as broadcast", async () => {
    const { port } = await serve();
    const channel = await joinTopic(connect(port), "room:1");
    const [status, response] = await outcome(channel.push("reverse", new Uint8Array([1, 2, 3]).buffer));
    // What the client gives for binary payloads.
    expect([status, [...new Uint8Array(response as ArrayBuffer)]]).toEqual(["ok", [3, 2, 1]]);
    const heard = collect(channel, "bytes");
    channel.push("bytes", {});
    await until(() => heard.length === 1, "it is heard");
    expect([...new Uint8Array(heard[0] as ArrayBuffer)]).toEqual([1, 2, 3]);
  });
});

/** A browser's session storage. */
class Storage {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

/** A WebSocket behind a proxy that refuses upgrades. */
class RefusedWebSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url.replace("/socket/websocket", "/no/such/path"), protocols);
  }
}

/** A WebSocket behind a proxy that lets upgrades hang. */
class SilentWebSocket {
  readyState = 0;
  close(): void {
    this.readyState = 3;
  }
}

describe("phoenix newest with a fallback to long poll", () => {
  // These clients are made here, each with a transport of its own.
  const { serve, keep } = useClients(connectWithFallback as never);

  test.each([
    ["are refused", RefusedWebSocket, 60_000],
    ["hang", SilentWebSocket, 50],
  ])("falls back where WebSockets %s, and remembers it", async (_how, primary, afterMs) => {
    const { port, endpoint } = await serve();
    const storage = new Storage();
    const client = keep(connectWithFallback(port, primary, storage, afterMs));
    const channel = await joinTopic(client, "room:1");
    expect(await outcome(channel.push("ping", { x: 1 }))).toEqual(["ok", { x: 1 }]);
    expect([...storage.items]).toEqual([["phx:fallback:LongPoll", "true"]]);
    expect(endpoint.stats().connects_total).toBe(1);
    // With a WebSocket that would work this time.
    const later = keep(connectWithFallback(port, WebSocket, storage, 60_000));
    const welcome = await outcome(later.channel("room:1").join());
    expect(welcome).toMatchObject(["ok", { transport: "longpoll" }]);
  });

  test("stays with WebSocket where it works", async () => {
    const { port } = await serve();
    const storage = new Storage();
    const client = keep(connectWithFallback(port, WebSocket, storage, 5_000));
    const welcome = await outcome(client.channel("room:1").join());
    expect(welcome).toMatchObject(["ok", { transport: "websocket" }]);
    expect(storage.items.size).toBe(0);
  });
});
