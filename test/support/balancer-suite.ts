import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Balancer, ServerState } from "../../src/contracts/balancer.js";
import type { Address } from "../../src/contracts/network.js";
import { assert } from "../../src/core/shared/assert.js";
import { type Backend, startBackend } from "./backend.js";
import { ask, askRaw, freePort, nextMessage, openSocket } from "./http.js";
import { until } from "./wait.js";

/** Makes a balancer whose door is at `door`. */
export type MakeBalancer = (door: Address) => Balancer | Promise<Balancer>;

const names = ["n1@127.0.0.1", "n2@127.0.0.1", "n3@127.0.0.1"];

/** A fleet of backends behind a balancer, and what frees it. */
export async function startDoor(
  make: MakeBalancer,
  backends: readonly Backend[],
  servers = backends.map((b) => b.server),
) {
  const port = await freePort();
  const balancer = await make({ host: "127.0.0.1", port });
  await balancer.start(servers);
  const state = async (name: string) =>
    (await balancer.status()).find((status) => status.name === name)?.state;
  const reaches = (name: string, wanted: ServerState) =>
    until(async () => (await state(name)) === wanted, `${name} ${wanted}`);
  return { port, balancer, state, reaches };
}

/** What every balancer must do, whatever it is made of. To be called within `describe`. */
export function balancerCases(make: MakeBalancer): void {
  const toFree: (() => unknown)[] = [];
  afterEach(async () => {
    for (const free of toFree.splice(0).reverse()) await free();
  });
  const setUp = async (count = 3) => {
    const backends: Backend[] = [];
    for (const name of names.slice(0, count)) backends.push(await startBackend(name));
    const door = await startDoor(make, backends);
    toFree.push(...backends.map((backend) => () => backend.die()), () => door.balancer.stop());
    for (const { name } of backends) await door.reaches(name, "up");
    const [n1, n2 = n1] = backends;
    assert(n1 !== undefined && n2 !== undefined, "one backend at least");
    return { ...door, backends, n1, n2 };
  };
  const open = async (port: number) => {
    const socket = await openSocket(port);
    toFree.push(() => socket.terminate());
    return socket;
  };
  const openMany = async (port: number, count: number) => {
    const sockets = [];
    for (let at = 0; at < count; at++) sockets.push(await open(port));
    return sockets;
  };

  test("shares lone requests out among all servers", async () => {
    const { port } = await setUp();
    const seen = new Set<unknown>();
    for (let at = 0; at < 9; at++) seen.add((await ask(port)).headers["x-simurgh-node"]);
    expect([...seen].sort()).toEqual(names);
  });

  test("gives new connections to the server that holds the fewest", async () => {
    const { port, backends } = await setUp();
    await openMany(port, 30);
    expect(backends.map((backend) => backend.sockets)).toEqual([10, 10, 10]);
  });

  test("carries WebSocket messages of all sizes both ways", async () => {
    const { port } = await setUp();
    const socket = await open(port);
    socket.send("hello");
    expect(String(await nextMessage(socket))).toMatch(/^n\d@127\.0\.0\.1 hello$/);
    const large = randomBytes(5 * 1024 * 1024);
    socket.send(large);
    expect((await nextMessage(socket)).equals(large)).toBe(true);
  });

  test("carries an upload and its answer", async () => {
    const { port } = await setUp();
    const answer = await ask(port, "/", { method: "POST", body: randomBytes(3_000_000) });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body).bytes).toBe(3_000_000);
  });

  test("lets a client that has closed its half still hear the answer", async () => {
    const { port, backends } = await setUp();
    for (const backend of backends) {
      backend.onWork = (request, response) => {
        // A client that closes its half is no reason for Node's server to end the other one here.
        request.on("end", () => setImmediate(() => response.end("late answer")));
        request.resume();
      };
    }
    const text = await askRaw(port, "GET /work HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(text).toContain("late answer");
  });

  test("holds a server back while its client does not read, and loses nothing", async () => {
    const { port, n1 } = await setUp(1);
    const total = 256 * 1024 * 1024;
    const piece = randomBytes(1024 * 1024);
    let sent = 0;
    n1.onWork = (_request, response) => {
      response.writeHead(200, { "content-length": total });
      const pump = () => {
        while (sent < total) {
          sent += piece.length;
          if (!response.write(piece)) return void response.once("drain", pump);
        }
        response.end();
      };
      pump();
    };
    const socket = connect({ host: "127.0.0.1", port });
    toFree.push(() => socket.destroy());
    socket.write("GET /work HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let before = -1;
    await until(async () => {
      const still = sent > 0 && sent === before;
      before = sent;
      await ask(port);
      return still;
    }, "the flow stands still");
    expect(sent).toBeLessThan(total / 4);
    let read = 0;
    socket.on("data", (chunk) => {
      read += chunk.length;
    });
    await once(socket, "close");
    expect(read).toBeGreaterThan(total);
    expect(sent).toBe(total);
  });

  test.each([503, 500])(
    "sends nothing new to a server that is not ready (%i), keeps what it has, and comes back",
    async (status) => {
      const { port, n1, reaches } = await setUp();
      const sockets = await openMany(port, 6);
      n1.readyStatus = status;
      await reaches(n1.name, "draining");
      await openMany(port, 6);
      for (let at = 0; at < 9; at++) {
        expect((await ask(port)).headers["x-simurgh-node"]).not.toBe(n1.name);
      }
      expect(n1.sockets).toBe(2);
      for (const socket of sockets) {
        socket.send("still there");
        expect(String(await nextMessage(socket))).toContain("still there");
      }
      n1.readyStatus = 200;
      await reaches(n1.name, "up");
      await openMany(port, 6);
      expect(n1.sockets).toBe(6);
    },
  );

  test("never shows the loss of a server to a new client, closes its clients, and takes it back", async () => {
    const { port, n1, reaches } = await setUp();
    const sockets = await openMany(port, 6);
    const closed = () => sockets.filter((socket) => socket.readyState === socket.CLOSED).length;
    const statuses = new Set<number>();
    for (let at = 0; at < 20; at++) statuses.add((await ask(port)).status);
    const death = n1.die();
    for (let at = 0; at < 100; at++) statuses.add((await ask(port)).status);
    await death;
    expect([...statuses]).toEqual([200]);
    await until(() => closed() === 2, "the clients of the lost server are closed");
    await reaches(n1.name, "down");
    expect(closed()).toBe(2);
    const again = await startBackend(n1.name, n1.port);
    toFree.push(() => again.die());
    await reaches(n1.name, "up");
    await until(async () => (await ask(port)).headers["x-simurgh-node"] === n1.name, "it is used again");
  });

  test("asks another server when one dies between a GET and its answer", async () => {
    const { port, backends } = await setUp();
    for (const backend of backends) {
      backend.onWork = () => {
        for (const other of backends) other.onWork = (_request, response) => void response.end("answered");
        void backend.die();
      };
    }
    const answer = await ask(port, "/work");
    expect(answer).toMatchObject({ status: 200, body: "answered" });
  });

  test("never sends a POST twice", async () => {
    const { port, backends } = await setUp();
    for (const backend of backends) backend.onWork = (request) => void request.socket.destroy();
    const outcome = await ask(port, "/work", { method: "POST", body: "x" }).catch(() => undefined);
    expect(outcome?.status ?? 502).toBe(502);
    expect(backends.reduce((sum, backend) => sum + backend.requests, 0)).toBe(1);
  });

  test("closes the clients of a server that no longer answers its checks", async () => {
    const { port, n1, reaches } = await setUp(2);
    const sockets = await openMany(port, 4);
    n1.readyStatus = undefined;
    await reaches(n1.name, "down");
    await until(() => sockets.filter((socket) => socket.readyState === socket.CLOSED).length === 2, "closed");
    await until(() => n1.sockets === 0, "its own ends, too");
  });

  test("answers 503 with Retry-After when no server is left, and serves again when one is back", async () => {
    const { port, n1, reaches } = await setUp(1);
    await n1.die();
    await reaches(n1.name, "down");
    const answer = await ask(port);
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    const again = await startBackend(n1.name, n1.port);
    toFree.push(() => again.die());
    await until(async () => (await ask(port)).status === 200, "served again");
  });

  test("follows a server to a new address and keeps the connections at the old one", async () => {
    const { port, balancer, n1 } = await setUp(1);
    const socket = await open(port);
    const moved = await startBackend("moved");
    toFree.push(() => moved.die());
    await balancer.update({ ...moved.server, name: n1.name });
    await until(
      async () => (await ask(port)).headers["x-simurgh-node"] === "moved",
      "the new address is used",
    );
    socket.send("old");
    expect(String(await nextMessage(socket))).toBe(`${n1.name} old`);
  });

  test("gives a server its share by weight, and nothing new at weight 0", async () => {
    const { port, balancer, n1, n2, state } = await setUp(2);
    await balancer.update({ ...n1.server, weight: 50 });
    await openMany(port, 30);
    expect([n1.sockets, n2.sockets]).toEqual([10, 20]);
    await balancer.update({ ...n1.server, weight: 0 });
    expect(await state(n1.name)).toBe("draining");
    await openMany(port, 5);
    expect([n1.sockets, n2.sockets]).toEqual([10, 25]);
  });

  test("opens its door without a server, and answers 503 until one is added", async () => {
    const { port, balancer, reaches } = await startDoor(make, []);
    toFree.push(() => balancer.stop());
    expect(await ask(port)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(await balancer.status()).toEqual([]);
    const backend = await startBackend("n1@127.0.0.1");
    toFree.push(() => backend.die());
    await balancer.add(backend.server);
    expect(await ask(port)).toMatchObject({ status: 200, headers: { "x-simurgh-node": backend.name } });
    const socket = await open(port);
    socket.send("hello");
    expect(String(await nextMessage(socket))).toBe(`${backend.name} hello`);
    await reaches(backend.name, "up");
  });

  test("checks a server that was added as it checks the others", async () => {
    const { port, balancer, n1, state, reaches } = await setUp(1);
    const added = await startBackend("n2@127.0.0.1");
    toFree.push(() => added.die());
    await balancer.add(added.server);
    added.readyStatus = 503;
    await reaches(added.name, "draining");
    await openMany(port, 4);
    expect([n1.sockets, added.sockets]).toEqual([4, 0]);
    added.readyStatus = 200;
    await reaches(added.name, "up");
    await openMany(port, 4);
    expect([n1.sockets, added.sockets]).toEqual([4, 4]);
    await added.die();
    await reaches(added.name, "down");
    expect(await state(n1.name)).toBe("up");
    expect((await balancer.status()).map(({ name }) => name)).toEqual([n1.name, added.name]);
  });

  test("closes what a removed server holds, and nothing else", async () => {
    const { port, balancer, n1, backends } = await setUp();
    const sockets = await openMany(port, 6);
    const closed = () => sockets.filter((socket) => socket.readyState === socket.CLOSED).length;
    const others = backends.filter((backend) => backend !== n1).map(({ name }) => name);
    await balancer.remove(n1.name);
    expect((await balancer.status()).map(({ name }) => name)).toEqual(others);
    await until(() => closed() === 2 && n1.sockets === 0, "its clients are closed");
    const before = n1.requests;
    for (let at = 0; at < 9; at++) expect((await ask(port)).status).toBe(200);
    expect(n1.requests).toBe(before);
    for (const socket of sockets.filter((socket) => socket.readyState === socket.OPEN)) {
      socket.send("still there");
      expect(String(await nextMessage(socket))).toContain("still there");
    }
    expect(closed()).toBe(2);
  });

  test("empties a server by the weight 0 before it is removed, and no client notices", async () => {
    const { port, balancer, n1 } = await setUp(2);
    const sockets = await openMany(port, 4);
    await balancer.update({ ...n1.server, weight: 0 });
    await openMany(port, 4);
    expect(n1.sockets).toBe(2);
    for (const socket of sockets) socket.send("where");
    const answers = await Promise.all(sockets.map((socket) => nextMessage(socket)));
    for (const [at, answer] of answers.entries())
      if (String(answer).startsWith(n1.name)) sockets[at]?.close();
    const left = async () => (await balancer.status()).find(({ name }) => name === n1.name)?.connections;
    await until(async () => (await left()) === 0, "it holds none");
    await balancer.remove(n1.name);
    expect((await ask(port)).status).toBe(200);
    expect(sockets.filter((socket) => socket.readyState === socket.OPEN)).toHaveLength(2);
  });

  test("takes the name of a removed server again at once, at another address", async () => {
    const { port, balancer, n1, reaches } = await setUp(1);
    await open(port);
    const next = await startBackend("next");
    toFree.push(() => next.die());
    // Not awaited in between: changes are made in the order of the calls.
    const removed = balancer.remove(n1.name);
    await balancer.add({ ...next.server, name: n1.name });
    await removed;
    expect((await ask(port)).headers["x-simurgh-node"]).toBe("next");
    await reaches(n1.name, "up");
    expect(await balancer.status()).toHaveLength(1);
  });

  test("counts the connections of each server", async () => {
    const { port, balancer } = await setUp();
    await openMany(port, 6);
    await until(
      async () => (await balancer.status()).every((status) => status.connections === 2),
      "two each",
    );
  });

  test("says with a code that its door is taken", async () => {
    const { port } = await setUp(1);
    const second = await make({ host: "127.0.0.1", port });
    toFree.push(() => second.stop());
    await expect(second.start([])).rejects.toMatchObject({ name: "SimurghError" });
  });

  test("closes its door and every connection when it stops, also when told twice", async () => {
    const { port, balancer, backends } = await setUp();
    const sockets = await openMany(port, 6);
    await balancer.stop();
    await balancer.stop();
    await until(() => sockets.every((socket) => socket.readyState === socket.CLOSED), "all closed");
    await until(() => backends.every((backend) => backend.sockets === 0), "all backends empty");
    await expect(ask(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
}
