import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Fleet, startFleet, untilGone } from "../support/fleet.js";
import { ask, freePort } from "../support/http.js";
import { fixture, runSimurgh } from "../support/program.js";
import { requireServer } from "../support/servers.js";
import { upCases } from "../support/up-cases.js";

const haproxy = requireServer("haproxy");

describe("simurgh up with the embedded balancer", () => upCases("embedded"));

describe.skipIf(haproxy.missing)("simurgh up with HAProxy", () => upCases("haproxy"));

describe("simurgh up", () => {
  const toFree: (() => unknown)[] = [];
  afterEach(async () => {
    for (const free of toFree.splice(0).reverse()) await free();
  });
  const start = async (args: readonly string[], app?: string, port?: number): Promise<Fleet> => {
    const fleet = await startFleet(["--balancer", "embedded", ...args], app, port);
    toFree.push(() => fleet.end());
    return fleet;
  };

  test("runs several fleets beside each other", async () => {
    const fleets = [await start(["--nodes", "1"]), await start(["--nodes", "2"])];
    for (const fleet of fleets) await fleet.up.line("ready ");
    const sizes = [];
    for (const fleet of fleets) sizes.push((await fleet.nodes()).length);
    expect(sizes).toEqual([1, 2]);
    for (const fleet of fleets) expect((await ask(fleet.port)).status).toBe(200);
  });

  test("refuses a door that another fleet has, and leaves that fleet alone", async () => {
    const first = await start(["--nodes", "1"]);
    await first.up.line("ready ");
    const second = await start(["--nodes", "1"], "room-app.mjs", first.port);
    expect(await second.up.ended).toMatchObject({ code: 1 });
    expect(second.up.stderr).toContain("fleet_door_taken: another fleet");
    expect((await first.nodes()).map((row) => row.ready)).toEqual([true]);
  });

  test.each(["embedded", "auto"])("refuses a door that another program has (%s)", async (balancer) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    toFree.push(() => other.close());
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const fleet = await start(["--balancer", balancer], "room-app.mjs", port);
    expect(await fleet.up.ended).toMatchObject({ code: 1 });
    expect(fleet.up.stderr).toContain(`fleet_door_taken: port ${port} on 127.0.0.1 is taken`);
    await expect(fleet.nodes()).rejects.toThrow("fleet_not_found");
  });

  test("takes the port of its door from the environment, and a free one for 0", async () => {
    const fleet = await start(["--nodes", "1"], "room-app.mjs", 0);
    const line = await fleet.up.line("ready ");
    const port = Number(line.split(":").at(-1));
    expect((await ask(port)).status).toBe(200);
    const { stdout } = await runSimurgh(["nodes"], { PORT: String(port) });
    expect(stdout).toMatch(
      /^NAME +PID +PORT +STAGE +CONNECTIONS +READY\nn1@127\.0\.0\.1 +\d+ +\d+ +ready +0 +yes\n$/,
    );
  });

  test.each([
    ["that is missing", "no-such-app.mjs", "there is no application at"],
    ["that throws", "throws-app.mjs", "this application cannot be loaded"],
    ["that makes no endpoint", "no-endpoint-app.mjs", "the application made no endpoint"],
  ])("says what is wrong with an application %s, and ends", async (_what, app, message) => {
    const fleet = await start([], app);
    expect(await fleet.up.ended).toMatchObject({ code: 1 });
    expect(fleet.up.stderr).toContain(message);
  });

  test("ends a fleet that is still starting", async () => {
    const fleet = await start([], "slow-app.mjs");
    await fleet.up.line("n3@127.0.0.1 starts");
    const processes = fleet.processes();
    fleet.up.child.kill("SIGTERM");
    expect(await fleet.up.ended).toMatchObject({ code: 0 });
    await untilGone(processes);
    expect(fleet.up.stdout).not.toContain("ready http");
  });

  test("kills what does not end when it is told a second time", async () => {
    const fleet = await start(["--nodes", "1"], "unstoppable-app.mjs");
    await fleet.up.line("ready ");
    const processes = fleet.processes();
    fleet.up.child.kill("SIGINT");
    await fleet.up.line("n1@127.0.0.1 | cannot be stopped");
    // npm and the terminal may both pass Ctrl-C on: what comes at once is not yet a second wish.
    const again = setInterval(() => fleet.up.child.kill("SIGINT"), 100);
    expect(await fleet.up.ended).toMatchObject({ code: 0 });
    clearInterval(again);
    await untilGone(processes);
  });

  test("marks each line of a node with its name", async () => {
    const fleet = await start(["--nodes", "2"]);
    await fleet.up.line("ready ");
    for (const name of ["n1@127.0.0.1", "n2@127.0.0.1"]) {
      expect(fleet.up.stderr).toMatch(new RegExp(`^${name} \\| .*room made$`, "m"));
    }
  });
});

describe("the command line", () => {
  test.each([
    [["up", "--nodes", "none"], "--nodes"],
    [["up", "--nodes", "0"], "from 1 to 64"],
    [["up", "--port", "70000"], "from 0 to 65535"],
    [["up", "--balancer", "nginx"], "Allowed choices are auto, embedded, haproxy"],
    [["up", "--no-such-option"], "unknown option '--no-such-option'"],
    [["up", "one.js", "two.js"], "too many arguments"],
    [["node", "--name", "two words"], "a node's name"],
    [["node", "--peers", "n1"], "name@host:port"],
    [["node", "--peers", "n1@127.0.0.1:7101"], "needs the cluster's secret in SIMURGH_SECRET"],
    [["nodez"], "unknown command 'nodez'"],
    [[], "Usage: simurgh"],
  ])("%j: exit 2 and a message that says why", async (args, message) => {
    const { code, stdout, stderr } = await runSimurgh(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test.each([["up"], ["node"], ["nodes"]])("%s --help tells about itself", async (command) => {
    const { code, stdout } = await runSimurgh([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: simurgh ${command}`);
  });

  test("takes PORT as the default of --port, and complains about a bad one", async () => {
    const { code, stderr } = await runSimurgh(["nodes"], { PORT: "http" });
    expect(code).toBe(2);
    expect(stderr).toContain("from env 'PORT' is invalid");
  });

  test("nodes: exit 1 where there is no fleet", async () => {
    const port = await freePort();
    const { code, stdout, stderr } = await runSimurgh(["nodes", "--json", "--port", String(port)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`fleet_not_found: no fleet has its door at port ${port}`);
  });

  test("up: exit 1 where the application is missing", async () => {
    const { code, stderr } = await runSimurgh(["up", fixture("nowhere/app.js")]);
    expect(code).toBe(1);
    expect(stderr).toContain("app_load_failed: there is no application at");
  });
});
