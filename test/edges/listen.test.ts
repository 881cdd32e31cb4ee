import { once } from "node:events";
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { createEndpoint, type Endpoint, ok, socket } from "../../src/index.js";
import { FakeAdapter } from "../support/fake-adapter.js";
import { ask, freePort, openSocket } from "../support/http.js";
import { MemoryLogger } from "../support/node.js";
import { until } from "../support/wait.js";

const users = socket({
  connect: async ({ params }) => {
    asked.push(params.wait);
    if (params.wait !== undefined) await waits.get(String(params.wait));
    return { kind: "accept" as const, assigns: {} };
  },
});
const routes = users.routes({ "room:*": users.channel({ join: () => ok() }) });
const asked: unknown[] = [];
const waits = new Map<string, Promise<void>>();

function makeEndpoint(): { endpoint: Endpoint; adapter: FakeAdapter } {
  const adapter = new FakeAdapter();
  const sockets = { "/socket": routes };
  const endpoint = createEndpoint({ name: "n1@test", sockets, pubsub: adapter, logger: new MemoryLogger() });
  return { endpoint, adapter };
}

it("a port that is taken rejects, and leaves nothing running", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const { endpoint, adapter } = makeEndpoint();
  await expect(endpoint.listen({ port, host: "127.0.0.1" })).rejects.toMatchObject({
    code: "endpoint_bind_failed",
  });
  expect([endpoint.ready, adapter.stops]).toEqual([false, 1]);
  await new Promise((resolve) => other.close(resolve));
});

it("an engine that cannot start rejects with its error, and nothing listens", async () => {
  const { endpoint, adapter } = makeEndpoint();
  const cause = new Error("no engine");
  adapter.starting = () => Promise.reject(cause);
  const port = await freePort();
  await expect(endpoint.listen({ port, host: "127.0.0.1" })).rejects.toBe(cause);
  await expect(ask(port, "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

it("an endpoint listens once; the second call changes nothing", async () => {
  const { endpoint } = makeEndpoint();
  const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
  await expect(endpoint.listen({ port: 0 })).rejects.toMatchObject({ code: "endpoint_state" });
  expect((await ask(port, "/ready")).status).toBe(200);
  await endpoint.stop();
});

it("a stop ends connections and the listener, and every call of it waits for that", async () => {
  const { endpoint, adapter } = makeEndpoint();
  const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
  const client = await openSocket(port, "/socket/websocket?vsn=2.0.0");
  const closed = once(client, "close");
  await Promise.all([endpoint.stop(), endpoint.stop()]);
  expect((await closed)[0]).toBe(1012);
  await expect(ask(port, "/health")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(adapter.stops).toBe(1);
});

it("a client whose connect was still under way at the stop gets 503, and no session", async () => {
  const { endpoint } = makeEndpoint();
  const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
  let decide: () => void = () => {};
  waits.set(
    "stop",
    new Promise((resolve) => {
      decide = resolve;
    }),
  );
  const opening = openSocket(port, "/socket/websocket?vsn=2.0.0&wait=stop").catch((cause) => String(cause));
  await until(() => asked.includes("stop"), "the application to be asked");
  const stopped = endpoint.stop();
  decide();
  expect(await opening).toContain("503");
  await stopped;
  expect(endpoint.stats().connections).toBe(0);
});
