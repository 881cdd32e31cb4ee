import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  type EmbeddedBalancerOptions,
  embeddedBalancer,
} from "../../src/edges/balancer/embedded/embedded-balancer.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { startBackend } from "../support/backend.js";
import { balancerCases, startDoor } from "../support/balancer-suite.js";
import { ask, openSocket } from "../support/http.js";
import { until } from "../support/wait.js";

type Bounds = Partial<EmbeddedBalancerOptions>;

const make = (bounds: Bounds) => (door: { host: string; port: number }) =>
  embeddedBalancer({ logger: silentLogger, checkIntervalMs: 50, rampMs: 0, ...bounds, door: [door] });

describe("the embedded balancer", () => balancerCases(make({})));

describe("the bounds of the embedded balancer", () => {
  const toFree: (() => unknown)[] = [];
  afterEach(async () => {
    for (const free of toFree.splice(0).reverse()) await free();
  });
  const setUp = async (bounds: Bounds, count = 1) => {
    const backends = [];
    for (let at = 1; at <= count; at++) backends.push(await startBackend(`n${at}`));
    const door = await startDoor(make(bounds), backends);
    toFree.push(...backends.map((backend) => () => backend.die()), () => door.balancer.stop());
    return { ...door, backends };
  };

  test("answers clients above connectionsMax with 503, and lets them in when there is room", async () => {
    const { port } = await setUp({ connectionsMax: 2 });
    const first = await openSocket(port);
    const second = await openSocket(port);
    toFree.push(() => second.terminate());
    expect(await ask(port)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    first.terminate();
    await until(async () => (await ask(port)).status === 200, "room again");
  });

  test("gives a server no more than serverConnectionsMax", async () => {
    const { port, backends } = await setUp({ serverConnectionsMax: 2 }, 2);
    for (let at = 0; at < 4; at++) {
      const socket = await openSocket(port);
      toFree.push(() => socket.terminate());
    }
    expect(backends.map((backend) => backend.sockets)).toEqual([2, 2]);
    expect((await ask(port)).status).toBe(503);
  });

  test("opens nothing to a server for a client that says nothing, and closes it in time", async () => {
    const { port, balancer } = await setUp({ firstByteTimeoutMs: 300 });
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    await ask(port);
    await until(async () => (await balancer.status())[0]?.connections === 0, "only the other client counts");
    expect(socket.destroyed).toBe(false);
    await once(socket, "close");
  });

  test("gives a request that kills its server to one other server at most", async () => {
    const { port, backends } = await setUp({}, 3);
    for (const backend of backends) backend.onWork = () => void backend.die();
    await expect(ask(port, "/work")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(backends.reduce((sum, backend) => sum + backend.requests, 0)).toBe(2);
  });

  test("says with a code that its door is taken, and lets go of what it had bound", async () => {
    const { port } = await setUp({});
    const free = { host: "127.0.0.2", port };
    const second = embeddedBalancer({ door: [free, { host: "127.0.0.1", port }], logger: silentLogger });
    await expect(second.start([])).rejects.toMatchObject({ code: "balancer_bind_failed" });
    const third = embeddedBalancer({ door: [free], logger: silentLogger });
    toFree.push(() => third.stop());
    await third.start([]);
  });
});
