import { type RealtimeChannel, RealtimeClient } from "@supabase/realtime-js";
import type { Endpoint } from "simurgh";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createConformanceServer } from "../../examples/conformance/src/server.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { until } from "../support/wait.js";

describe("the client of Supabase", () => {
  const clients: RealtimeClient[] = [];
  const endpoints: Endpoint[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.disconnect();
    for (const endpoint of endpoints.splice(0)) await endpoint.stop();
  });

  async function serve(port = 0) {
    const endpoint = createConformanceServer({ logger: silentLogger });
    endpoints.push(endpoint);
    return { endpoint, ...(await endpoint.listen({ port, host: "127.0.0.1" })) };
  }

  function connect(port: number, options: ConstructorParameters<typeof RealtimeClient>[1] = { params: {} }) {
    const client = new RealtimeClient(`ws://127.0.0.1:${port}/socket`, {
      transport: WebSocket as never,
      reconnectAfterMs: (tries: number) => 50 * tries,
      ...options,
      params: { apikey: "any", ...options.params },
    });
    clients.push(client);
    return client;
  }

  /** Subscribes; what the client says of it, and the broadcasts that it hears. */
  async function subscribe(client: RealtimeClient, config = {}) {
    const states: string[] = [];
    const heard: unknown[] = [];
    const channel: RealtimeChannel = client.channel("lobby", { config: { broadcast: config } });
    channel.on("broadcast", { event: "cursor" }, (message) => void heard.push(message));
    channel.subscribe((state) => void states.push(state));
    await until(() => states.at(-1) === "SUBSCRIBED", "it is subscribed");
    return { channel, states, heard };
  }

  const message = { type: "broadcast", event: "cursor", payload: { x: 1, y: 2 } } as const;

  test("connects, joins and receives a broadcast", async () => {
    const { port, endpoint } = await serve();
    const { heard } = await subscribe(connect(port));
    endpoint.broadcast("realtime:lobby", "broadcast", message);
    await until(() => heard.length === 1, "the broadcast has come");
    expect(heard).toEqual([message]);
    expect(endpoint.stats()).toMatchObject({ connections: 1, channels: 1 });
  });

  test.each(["1.0.0", "2.0.0"])("receives under version %s what another one sends", async (vsn) => {
    const { port } = await serve();
    const { heard } = await subscribe(connect(port, { vsn, params: {} }));
    const sender = await subscribe(connect(port, { vsn: "1.0.0", params: {} }), { ack: true, self: true });
    expect(await sender.channel.send(message)).toBe("ok");
    await until(() => heard.length === 1 && sender.heard.length === 1, "both have heard it");
    expect(heard).toEqual([message]);
    expect(sender.heard).toEqual([message]);
  });

  test("does not hear itself unless it asks for that", async () => {
    const { port } = await serve();
    const { heard } = await subscribe(connect(port));
    const sender = await subscribe(connect(port, { vsn: "1.0.0", params: {} }), { ack: true });
    expect(await sender.channel.send(message)).toBe("ok");
    expect(await sender.channel.send(message)).toBe("ok");
    await until(() => heard.length === 2, "the other has heard it");
    expect(sender.heard).toEqual([]);
  });

  test("has its heartbeats answered", async () => {
    const { port } = await serve();
    const beats: string[] = [];
    const client = connect(port, {
      heartbeatIntervalMs: 500,
      heartbeatCallback: (status) => void beats.push(status),
      params: {},
    });
    await subscribe(client);
    await until(() => beats.filter((status) => status === "ok").length >= 2, "two beats");
  });

  test("renews its token, and keeps its channel", async () => {
    const { port, endpoint } = await serve();
    const client = connect(port);
    const { heard, states } = await subscribe(client);
    await client.setAuth("another-token");
    await until(() => endpoint.stats().messages_in_total >= 2, "the token has come");
    endpoint.broadcast("realtime:lobby", "broadcast", message);
    await until(() => heard.length === 1, "the broadcast has come");
    expect(states).toEqual(["SUBSCRIBED"]);
    expect(endpoint.stats().channel_crashes_total).toBe(0);
  });

  test("leaves in good order", async () => {
    const { port, endpoint } = await serve();
    const { channel, states } = await subscribe(connect(port));
    expect(await channel.unsubscribe()).toBe("ok");
    expect(states.at(-1)).toBe("CLOSED");
    await until(() => endpoint.stats().channels === 0, "the server knows");
  });

  test("comes back by itself when the server has stopped and started again", async () => {
    const { port, endpoint } = await serve();
    const { heard, states } = await subscribe(connect(port));
    await endpoint.stop();
    await until(() => states.at(-1) !== "SUBSCRIBED", "the client knows");
    const again = await serve(port);
    await until(() => again.endpoint.stats().channels === 1, "it is back", 30_000);
    again.endpoint.broadcast("realtime:lobby", "broadcast", message);
    await until(() => heard.length === 1, "the broadcast has come");
  });
});
