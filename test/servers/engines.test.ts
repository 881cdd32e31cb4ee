import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BrokerChoice, brokerNeeds } from "../../src/cli/engine/choice.js";
import { chooseEngine, withoutCredentials } from "../../src/cli/engine/choose-engine.js";
import { type Broker, startNats, startRedis } from "../support/brokers.js";
import { type Fleet, startFleet, untilGone } from "../support/fleet.js";
import { ask, freePort } from "../support/http.js";
import { fixture, isRunning, runSimurgh, simurgh } from "../support/program.js";
import { joinRoom, type RoomClient } from "../support/room-client.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const servers = { nats: requireServer("nats-server"), redis: requireServer("redis-server") };
const nowhere = { NATS_URL: "", REDIS_URL: "" };

async function start(args: readonly string[], env: NodeJS.ProcessEnv = nowhere): Promise<Fleet> {
  const all = ["--balancer", "embedded", "--nodes", "2", ...args];
  const fleet = await startFleet(all, "room-app.mjs", undefined, { ...nowhere, ...env });
  onTestFinished(() => fleet.end());
  return fleet;
}

/** One client on each of two nodes. */
async function joinBoth({ port }: Fleet): Promise<readonly [RoomClient, RoomClient]> {
  const clients = [await joinRoom(port), await joinRoom(port)] as const;
  expect(clients.map(({ node }) => node).sort()).toEqual(["n1@127.0.0.1", "n2@127.0.0.1"]);
  return clients;
}

async function hears(from: RoomClient, to: RoomClient, body: string): Promise<void> {
  await until(() => {
    from.shout(body);
    return to.heard.includes(body);
  }, `${to.node} hears ${from.node}`);
}

const brokerPid = ({ up }: Fleet, choice: BrokerChoice): number =>
  Number(up.stdout.match(new RegExp(`^${choice} runs at .* \\(pid (\\d+)\\)$`, "m"))?.[1]);

/** What `up` does with a broker of one kind. To be called within `describe`. */
function fleetCases(choice: BrokerChoice, startBroker: () => Promise<Broker>): void {
  test("starts a server of its own, starts it again when it dies, and ends it with the fleet", async () => {
    const fleet = await start(["--engine", choice]);
    await fleet.up.line("ready ");
    const pid = brokerPid(fleet, choice);
    expect(isRunning(pid)).toBe(true);
    expect(await fleet.up.line("2 nodes of ")).toContain(`engine ${choice} (`);
    const [one, other] = await joinBoth(fleet);
    one.shout("hello");
    await until(() => one.heard.length === 1 && other.heard.length === 1, "both hear it once");
    process.kill(pid, "SIGKILL");
    await fleet.up.line(`${choice} died: SIGKILL; it is started again in 0.1 s`);
    await hears(one, other, "after");
    await until(async () => (await ask(fleet.port, "/ready")).status === 200, "the fleet is ready again");
    const processes = fleet.processes();
    fleet.up.child.kill("SIGTERM");
    expect(await fleet.up.ended).toMatchObject({ code: 0 });
    await untilGone(processes);
  });

  test("takes the server that the environment names, and does not tell its password", async () => {
    const broker = await startBroker();
    onTestFinished(() => broker.end());
    const url = `${choice}://ada:lovelace@127.0.0.1:${broker.port}`;
    const fleet = await start(["--engine", choice], { [brokerNeeds[choice].variable]: url });
    await fleet.up.line("ready ");
    expect(await fleet.up.line("2 nodes of ")).toContain(
      `engine ${choice} at ${choice}://127.0.0.1:${broker.port},`,
    );
    const [one, other] = await joinBoth(fleet);
    await hears(one, other, "hello");
    expect(brokerPid(fleet, choice)).toBeNaN();
    expect(fleet.up.stdout + fleet.up.stderr).not.toContain("lovelace");
  });

  test("leaves no server behind when it is killed", async () => {
    const fleet = await start(["--engine", choice, "--nodes", "1"]);
    await fleet.up.line("ready ");
    const processes = fleet.processes();
    expect(processes).toContain(brokerPid(fleet, choice));
    process.kill(fleet.up.pid, "SIGKILL");
    await untilGone(processes);
  });

  test("says what is wrong when the server does not take it, or is not there", async () => {
    const port = await freePort();
    const fleet = await start(["--engine", choice], {
      [brokerNeeds[choice].variable]: `${choice}://127.0.0.1:${port}`,
    });
    expect(await fleet.up.ended).toMatchObject({ code: 1 });
    expect(fleet.up.stderr).toContain(`engine_unreachable: no ${choice} within 10000 ms`);
  });
}

describe.skipIf(servers.nats.missing)("simurgh up --engine nats", () => {
  fleetCases("nats", () => startNats(servers.nats, "authorization { user: ada, password: lovelace }"));
});

describe.skipIf(servers.redis.missing)("simurgh up --engine redis", () => {
  const acl = "--user default off --user ada on >lovelace &* +@all".split(" ");
  fleetCases("redis", () => startRedis(servers.redis, acl));
});

describe.skipIf(servers.nats.missing)("simurgh node --engine nats", () => {
  test("nodes that are started by hand hear each other", async () => {
    const broker = await startNats(servers.nats);
    onTestFinished(() => broker.end());
    const env = { NATS_URL: `127.0.0.1:${broker.port}` };
    const clients: RoomClient[] = [];
    for (const name of ["n1@127.0.0.1", "n2@127.0.0.1"]) {
      const node = simurgh(
        ["node", fixture("room-app.mjs"), "--engine", "nats", "--name", name, "--port", "0"],
        env,
      );
      onTestFinished(async () => {
        node.child.kill("SIGKILL");
        await node.ended;
      });
      const line = await node.line(`${name} listens at `);
      clients.push(await joinRoom(Number(line.split(":").at(-1))));
    }
    const [one, other] = clients;
    if (one === undefined || other === undefined) throw new Error("there are two");
    await hears(one, other, "hello");
  });
});

describe("the engine of a fleet", () => {
  test("one that is none: exit 2 and a list", async () => {
    const { code, stderr } = await runSimurgh(["up", "--engine", "rabbit"]);
    expect(code).toBe(2);
    expect(stderr).toContain("Allowed choices are mesh, nats, redis");
  });

  test.each([
    ["nats", "nats-server", "NATS_URL"],
    ["redis", "redis-server", "REDIS_URL"],
  ] as const)("%s, where there is no server: says what to install", async (choice, program, variable) => {
    const options = { choice, env: { PATH: "" }, folder: tmpdir(), told: () => {}, otherFolders: [] };
    await expect(chooseEngine(options)).rejects.toMatchObject({
      code: "engine_not_installed",
      message: expect.stringMatching(new RegExp(`apt install ${program}.*${variable}`)),
    });
  });

  test("a server that does not start: its own words", async () => {
    const folder = mkdtempSync(join(tmpdir(), "simurgh-engine-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, "nats-server"), "#!/bin/sh\necho no room for a server\nexit 3\n", {
      mode: 0o755,
    });
    const env = { PATH: folder };
    const options = { choice: "nats" as const, env, folder, told: () => {}, otherFolders: [] };
    await expect(chooseEngine(options)).rejects.toMatchObject({
      code: "engine_unreachable",
      message: expect.stringContaining("nats-server ended (exit code 3): no room for a server"),
    });
  });

  test.each([
    ["nats://ada:x@h:1,nats://t@h2", "nats://h:1,nats://h2"],
    ["h:4222", "h:4222"],
    ["redis://:p@ss@h", "redis://h"],
  ])("%s is shown as %s", (urls, shown) => {
    expect(withoutCredentials(urls)).toBe(shown);
  });
});
