import { existsSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { fleetFolder } from "../../src/cli/control/folder.js";
import { type Fleet, startFleet, untilGone } from "./fleet.js";
import { ask } from "./http.js";
import { joinRoom, type RoomClient } from "./room-client.js";
import { until } from "./wait.js";

const names = ["n1@127.0.0.1", "n2@127.0.0.1", "n3@127.0.0.1"];

/** What `simurgh up` must do, whatever stands at the door. To be called within `describe`. */
export function upCases(balancer: "embedded" | "haproxy" | "auto"): void {
  const fleets: Fleet[] = [];
  afterEach(async () => {
    for (const fleet of fleets.splice(0)) await fleet.end();
  });
  const start = async (port?: number) => {
    const fleet = await startFleet(["--balancer", balancer], "room-app.mjs", port);
    fleets.push(fleet);
    await fleet.up.line("ready ");
    return fleet;
  };
  /** One client on each node, the nodes in order. */
  const joinAll = async (port: number): Promise<RoomClient[]> => {
    const clients = [];
    for (let at = 0; at < names.length; at++) clients.push(await joinRoom(port));
    return clients.sort((one, other) => one.node.localeCompare(other.node));
  };
  const hearsFrom = async (speaker: RoomClient, listener: RoomClient, body: string) => {
    await until(() => {
      speaker.shout(body);
      return listener.heard.includes(body);
    }, `${listener.node} hears ${speaker.node}`);
  };

  test("says when it is ready; the nodes share the work and hear each other", async () => {
    const fleet = await start();
    expect(await fleet.up.line("ready ")).toBe(`ready http://localhost:${fleet.port}`);
    const seen = new Set<unknown>();
    for (let at = 0; at < 9; at++) seen.add((await ask(fleet.port)).headers["x-simurgh-node"]);
    expect([...seen].sort()).toEqual(names);
    const clients = await joinAll(fleet.port);
    expect(clients.map((client) => client.node)).toEqual(names);
    clients[0]?.shout("hello");
    await until(() => clients.every((client) => client.heard.length === 1), "everybody hears it once");
    const rows = await fleet.nodes();
    expect(rows.map((row) => row.name)).toEqual(names);
    expect(rows.every((row) => row.ready && row.connections === 1)).toBe(true);
    const processes = fleet.processes();
    for (const row of rows) {
      expect(processes).toContain(row.pid);
      const health = await ask(row.port ?? 0, "/health");
      expect(JSON.parse(health.body)).toMatchObject({ node: row.name, connections: 1 });
    }
  });

  test("starts a killed node again in its place, and no new client notices that it was gone", async () => {
    const fleet = await start();
    const clients = await joinAll(fleet.port);
    const before = await fleet.nodes();
    const victim = before[1];
    process.kill(victim?.pid ?? 0, "SIGKILL");
    let asked = 0;
    const back = until(async () => {
      const now = (await fleet.nodes())[1];
      return now?.ready === true && now.pid !== victim?.pid && now;
    }, "the node is back");
    let isBack = false;
    const watch = back.finally(() => {
      isBack = true;
    });
    while (!isBack || asked < 50) {
      expect((await ask(fleet.port)).status).toBe(200);
      asked += 1;
    }
    expect(await watch).toMatchObject({ name: victim?.name, port: victim?.port });
    await until(() => clients[1]?.isClosed, "its client is closed");
    expect(clients.filter((client) => client.isClosed)).toHaveLength(1);
    const [first, , third] = clients;
    const again = await until(async () => {
      const client = await joinRoom(fleet.port);
      if (client.node === victim?.name) return client;
      client.socket.terminate();
      return undefined;
    }, "the node has clients again");
    if (first === undefined || third === undefined) throw new Error("there are three clients");
    await hearsFrom(first, again, "from the first");
    await hearsFrom(again, third, "to the third");
    expect(fleet.up.stdout).toContain(`${victim?.name} died: SIGKILL; it is started again in 0.1 s`);
  });

  test("leaves no process behind when it is interrupted", async () => {
    const fleet = await start();
    const clients = await joinAll(fleet.port);
    const processes = fleet.processes();
    expect(processes.length).toBeGreaterThan(3);
    fleet.up.child.kill("SIGINT");
    expect(await fleet.up.ended).toEqual({ code: 0, signal: null });
    await untilGone(processes);
    await until(() => clients.every((client) => client.isClosed), "all clients closed");
    expect(existsSync(fleetFolder(fleet.port))).toBe(false);
  });

  test("leaves no process behind when it is killed, and its door is free for the next fleet", async () => {
    const fleet = await start();
    const processes = fleet.processes();
    process.kill(fleet.up.pid, "SIGKILL");
    await untilGone(processes);
    const next = await start(fleet.port);
    expect((await next.nodes()).every((row) => row.ready)).toBe(true);
  });

  test("starts a node again that somebody else has ended, and no new client notices", async () => {
    const fleet = await start();
    const clients = await joinAll(fleet.port);
    const codes = clients.map(({ socket }) => new Promise((resolve) => socket.on("close", resolve)));
    const before = (await fleet.nodes())[0];
    process.kill(before?.pid ?? 0, "SIGTERM");
    let isBack = false;
    const back = until(async () => {
      const now = (await fleet.nodes())[0];
      return now?.ready === true && now.pid !== before?.pid;
    }, "the node is back").finally(() => {
      isBack = true;
    });
    while (!isBack) expect((await ask(fleet.port)).status).toBe(200);
    await back;
    expect(await codes[0]).toBe(1012);
    expect(clients.map((client) => client.isClosed)).toEqual([true, false, false]);
  });
}
