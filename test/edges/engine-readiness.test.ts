import { describe, expect, it } from "vitest";
import type { PubSubEvent } from "../../src/contracts/pubsub-adapter.js";
import { useEndpoints } from "../support/endpoints.js";
import { FakeAdapter } from "../support/fake-adapter.js";
import { ask } from "../support/http.js";

describe("a node whose engine is away", () => {
  const listen = useEndpoints();
  const probe = async (port: number, path: string) => {
    const { status, body } = await ask(port, path);
    return { status, ...JSON.parse(body) };
  };

  it("is not ready until the engine is back, and says why", async () => {
    const pubsub = new FakeAdapter();
    const { endpoint, port } = await listen({ sockets: {}, pubsub, name: "n1@test" });
    expect(await probe(port, "/ready")).toEqual({
      status: 200,
      node: "n1@test",
      ready: true,
      state: "ready",
      engine_up: true,
    });
    pubsub.healthy = false;
    expect(await probe(port, "/ready")).toMatchObject({ status: 503, ready: false, engine_up: false });
    expect(await probe(port, "/health")).toMatchObject({
      status: 200,
      ready: false,
      state: "ready",
      engine: "fake",
      engine_up: false,
    });
    expect(endpoint.ready).toBe(false);
    pubsub.healthy = true;
    expect(await probe(port, "/ready")).toMatchObject({ status: 200, ready: true });
  });

  it("stays ready when its application says that this does not need the engine", async () => {
    const pubsub = new FakeAdapter();
    const { port } = await listen({ sockets: {}, pubsub, readyNeedsEngine: false });
    pubsub.healthy = false;
    expect(await probe(port, "/ready")).toMatchObject({ status: 200, ready: true, engine_up: false });
    expect(await probe(port, "/health")).toMatchObject({ ready: true, engine_up: false });
  });

  it("tells the application", async () => {
    const pubsub = new FakeAdapter();
    const { endpoint } = await listen({ sockets: {}, pubsub });
    const events: PubSubEvent[] = [];
    endpoint.watch((event) => void events.push(event));
    pubsub.host?.changed({ type: "engine_down", reason: "killed" });
    pubsub.host?.changed({ type: "engine_up" });
    expect(events).toEqual([{ type: "engine_down", reason: "killed" }, { type: "engine_up" }]);
  });
});
