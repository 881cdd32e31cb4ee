import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Socket, type SocketConnectOption } from "phoenix";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { startAgent } from "../../src/edges/balancer/agent/agent.js";
import { checkConfig, startHaproxy } from "../../src/edges/balancer/haproxy/process.js";
import {
  type ProductionSettings,
  productionConfig,
} from "../../src/edges/balancer/haproxy/production-config.js";
import {
  parseServerRows,
  runtimeCommand,
  showServers,
} from "../../src/edges/balancer/haproxy/runtime-socket.js";
import { systemVitals } from "../../src/edges/system/vitals.js";
import { type Backend, startBackend } from "../support/backend.js";
import { Authority } from "../support/certificates.js";
import { ask, askRaw, freePort, nextMessage, openSocket } from "../support/http.js";
import { fixture, runSimurgh, simurgh } from "../support/program.js";
import { frame } from "../support/raw-websocket.js";
import { joinRoom } from "../support/room-client.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const [haproxy, openssl] = [requireServer("haproxy"), requireServer("openssl")];
const folder = mkdtempSync(join(tmpdir(), "simurgh test "));
const socketPath = join(folder, "haproxy.sock");
const certificate = join(folder, "site.pem");
const local = "127.0.0.1";

const settings: ProductionSettings = {
  door: { host: local, port: 4000 },
  certificate: undefined,
  servers: [],
  connectionsMax: 500,
  serverConnectionsMax: 400,
  tunnelTimeoutS: 120,
  sourceConnectionsMax: 400,
  sourceConnectionRateMax: 10_000,
  sourceRequestRateMax: 10_000,
  metrics: undefined,
  socketPath,
  agentPort: undefined,
};

let authority: Authority | undefined;
beforeAll(() => {
  if (openssl.missing) return;
  authority = new Authority(openssl.path);
  const { cert, key } = authority.issue(`IP:${local}`);
  writeFileSync(certificate, cert + key);
});
afterAll(() => {
  authority?.dispose();
  rmSync(folder, { recursive: true });
});

const toFree: (() => unknown)[] = [];
afterEach(async () => {
  for (const free of toFree.splice(0).reverse()) await free();
});

/** HAProxy with a config as it is printed. */
async function startDoor(changes: Partial<ProductionSettings>) {
  const port = await freePort();
  const path = join(folder, "haproxy.cfg");
  writeFileSync(path, productionConfig({ ...settings, door: { host: local, port }, ...changes }));
  expect(await checkConfig(haproxy.path, path)).toBeUndefined();
  const lines: string[] = [];
  const running = startHaproxy(haproxy.path, path, (line) => lines.push(line));
  toFree.push(() => running.stop());
  const command = (text: string) => runtimeCommand(socketPath, text, 2_000);
  await until(async () => (await command("show info")).includes(`Pid: ${running.pid}\n`), "it answers");
  const rows = async () => parseServerRows(await command(showServers));
  return { port, lines, command, rows };
}

async function backendsOf(...names: string[]): Promise<Backend[]> {
  const backends = await Promise.all(names.map((name) => startBackend(name)));
  toFree.push(...backends.map((backend) => () => backend.die()));
  return backends;
}

const open = async (port: number) => {
  const socket = await openSocket(port);
  toFree.push(() => socket.terminate());
  return socket;
};

const shapes: [string, Partial<ProductionSettings>][] = [
  ["without servers", {}],
  ["with TLS", { certificate }],
  [
    "with metrics, an agent and all addresses",
    { metrics: { host: local, port: 8_405 }, agentPort: 4_100, door: { host: "::", port: 4_000 } },
  ],
  [
    "with servers of odd names, and one whose name is not known",
    {
      servers: [
        { name: 'odd "name" #$', address: { host: "::1", port: 4_102 }, weight: 100 },
        { name: "n2", address: { host: "nowhere.invalid", port: 4_103 }, weight: 0 },
      ],
    },
  ],
];

describe.skipIf(haproxy.missing || openssl.missing)("the production config of HAProxy", () => {
  test.each(shapes)(
    "is valid without a warning, and gives the reason of each line: %s",
    async (_name, changes) => {
      const text = productionConfig({ ...settings, ...changes });
      const path = join(folder, "checked.cfg");
      writeFileSync(path, `${text}\n`);
      // A name that is not known is a warning.
      const strictly = text.includes("nowhere.invalid") ? [] : ["-dW"];
      expect(await checkConfig(haproxy.path, path, ...strictly)).toBeUndefined();
      const lines = text.split("\n");
      for (const [at, line] of lines.entries()) {
        if (/^\s*(#|$)/.test(line)) continue;
        expect(lines[at - 1], line).toMatch(/^\s*# \S/);
      }
    },
  );

  test("joins phoenix clients by TLS with real nodes, and WebSockets over HTTP/2, too", async () => {
    const ports = [await freePort(), await freePort()];
    const nodes = ports.map((port, at) =>
      simurgh(["node", fixture("room-app.mjs"), "--name", `n${at + 1}@${local}`, "--port", `${port}`]),
    );
    for (const node of nodes) toFree.push(() => void node.child.kill("SIGKILL"));
    for (const node of nodes) await node.line("n");
    const servers = ports.map((port, at) => ({
      name: `n${at + 1}`,
      address: { host: local, port },
      weight: 100,
    }));
    const { port, lines } = await startDoor({ certificate, servers });
    const ca = authority?.ca;

    class Secure extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { ca });
      }
    }
    // `ws` has the interface of a browser's WebSocket.
    const transport = Secure as unknown as SocketConnectOption["transport"];
    const seen = new Set<string>();
    for (let at = 0; at < 2; at++) {
      const client = new Socket(`wss://${local}:${port}/socket`, {
        transport,
        params: { token: "a-secret" },
      });
      client.connect();
      toFree.push(() => client.disconnect());
      const node = await new Promise<string>((resolve, reject) => {
        const joining = client.channel("room:lobby").join();
        joining.receive("ok", (answer) => resolve(answer.node)).receive("error", reject);
      });
      seen.add(node);
    }
    expect([...seen].sort()).toEqual([`n1@${local}`, `n2@${local}`]);

    const session = connectHttp2(`https://${local}:${port}`, { ca });
    toFree.push(() => session.destroy());
    const settled = new Promise<boolean>((resolve) => {
      session.on("remoteSettings", ({ enableConnectProtocol }) => resolve(enableConnectProtocol === true));
    });
    expect(await settled).toBe(true);
    const get = session.request({ ":path": "/hello" });
    expect(await new Promise((resolve) => get.on("response", (head) => resolve(head[":status"])))).toBe(200);
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "https",
      ":path": "/socket/websocket?vsn=2.0.0",
      ":authority": `${local}:${port}`,
      "sec-websocket-version": "13",
    });
    let heard = "";
    stream.on("data", (bytes) => {
      heard += String(bytes);
    });
    expect(await new Promise((resolve) => stream.on("response", (head) => resolve(head[":status"])))).toBe(
      200,
    );
    stream.write(frame('["1","1","room:lobby","phx_join",{}]'));
    await until(() => heard.includes("phx_reply"), "joined over HTTP/2");
    // A WebSocket is logged when it is over.
    await until(() => lines.some((line) => line.includes("GET /hello")), "requests are logged");
    expect(lines.join("\n")).not.toContain("a-secret");
  });

  test("follows what real nodes say of themselves: one that drains gets nothing new", async () => {
    const [port, agentPort] = [await freePort(), await freePort()];
    const hosts = [local, "127.0.0.2"];
    const nodes = hosts.map((host, at) => {
      const own = ["--name", `n${at + 1}@${local}`, "--host", host, "--port", `${port}`];
      return simurgh(["node", fixture("room-app.mjs"), ...own, "--agent-port", `${agentPort}`]);
    });
    for (const node of nodes) toFree.push(() => void node.child.kill("SIGKILL"));
    for (const [at, node] of nodes.entries()) {
      const line = await node.line(`n${at + 1}@${local} tells`);
      expect(line).toBe(`n${at + 1}@${local} tells how it is at ${hosts[at]}:${agentPort}`);
    }
    const servers = hosts.map((host, at) => ({ name: `n${at + 1}`, address: { host, port }, weight: 100 }));
    const door = await startDoor({ servers, agentPort });
    expect(await askRaw(agentPort, "")).toMatch(/^ready up \d+%\n$/);
    const first = async () => (await door.rows()).filter(({ name }) => name === "1_n1");
    await until(async () => (await first()).every(({ status }) => status.startsWith("UP")), "n1 is up");
    const clients = [await joinRoom(door.port), await joinRoom(door.port)];
    expect(new Set(clients.map(({ node }) => node)).size).toBe(2);
    nodes[0]?.child.kill("SIGTERM");
    const isLeft = ({ status }: { status: string }) => /^(DRAIN|NOLB|DOWN)/.test(status);
    await until(async () => (await first()).every(isLeft), "n1 is left alone");
    for (let at = 0; at < 4; at++) expect((await joinRoom(door.port)).node).toBe(`n2@${local}`);
    const [lost] = clients.filter(({ node }) => node === `n1@${local}`);
    await until(() => lost?.isClosed, "its client is sent away in the end");
    expect(await nodes[0]?.ended).toMatchObject({ code: 0 });
  });

  test("answers floods of one address with 429, and a moment later serves again", async () => {
    const [backend] = await backendsOf("n1");
    const servers = backend === undefined ? [] : [backend.server];
    const { port, command } = await startDoor({ servers, sourceRequestRateMax: 20, sourceConnectionsMax: 5 });
    const statuses = [];
    for (let at = 0; at < 30; at++) statuses.push((await ask(port)).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(await ask(port)).toMatchObject({ status: 429, headers: { "retry-after": "10" } });
    expect(backend?.requests).toBe(20);
    await command("clear table sources");
    for (let at = 0; at < 5; at++) await open(port);
    expect(await ask(port)).toMatchObject({ status: 429, body: "too many connections\n" });
  });

  test("a drain keeps connections, by a command as by what a node says of itself", async () => {
    const [n1, n2] = await backendsOf("n1", "n2");
    if (n1 === undefined || n2 === undefined) throw new Error("two backends");
    let isReady = true;
    const agent = await startAgent({
      busy: systemVitals().eventLoop,
      address: { host: local, port: 0 },
      connectionsMax: 77,
      isReady: async () => isReady,
    });
    toFree.push(() => agent.stop());
    const servers = [n1.server, { ...n2.server, address: { host: "127.0.0.1", port: n2.port } }];
    const { port, command, rows } = await startDoor({ servers });
    const sockets = [];
    for (let at = 0; at < 4; at++) sockets.push(await open(port));
    for (const pool of ["web", "websocket"]) await command(`set server ${pool}/1_n1 state drain`);
    for (let at = 0; at < 4; at++) sockets.push(await open(port));
    expect([n1.sockets, n2.sockets]).toEqual([2, 6]);
    for (const pool of ["web", "websocket"]) await command(`set server ${pool}/1_n1 state ready`);
    for (let at = 0; at < 4; at++) sockets.push(await open(port));
    expect([n1.sockets, n2.sockets]).toEqual([6, 6]);

    const words = `agent-check agent-inter 100ms agent-port ${agent.port}`;
    await command(`add server websocket/3_n3 ${local}:${n1.port} weight 100 maxconn 9 check ${words}`);
    for (const what of ["enable health", "enable agent", "enable server"])
      await command(`${what} websocket/3_n3`);
    const third = async () => (await rows()).find(({ name }) => name === "3_n3")?.status ?? "";
    const limit = async () => /3_n3(?:,\d+){4},(\d+),/.exec(await command(showServers))?.[1];
    await until(async () => (await third()).startsWith("UP"), "the agent's server is up");
    await until(async () => (await limit()) === "77", "the agent's maxconn is taken");
    const before = n1.sockets;
    for (let at = 0; at < 2; at++) sockets.push(await open(port));
    expect(n1.sockets).toBe(before + 2);
    isReady = false;
    await until(async () => (await third()).startsWith("DRAIN"), "the agent drains it");
    for (const socket of sockets) {
      socket.send("still there");
      expect(String(await nextMessage(socket))).toContain("still there");
    }
    isReady = true;
    await until(async () => (await third()).startsWith("UP"), "and takes it back");
  });
});

describe.skipIf(haproxy.missing)("simurgh balancer haproxy", () => {
  test("prints what HAProxy takes, writes it, and has it judged; metrics are there", async () => {
    const metrics = await freePort();
    const out = join(folder, "written.cfg");
    const args = ["balancer", "haproxy", "--nodes", "n1@10.0.0.1:4000,10.0.0.2:4000", "--socket", socketPath];
    const places = [
      "--host",
      local,
      "--port",
      `${await freePort()}`,
      "--metrics",
      `${local}:${metrics}`,
      "--connections",
      "500",
    ];
    const written = await runSimurgh([...args, ...places, "--out", out]);
    expect(written).toEqual({ code: 0, stdout: "", stderr: "" });
    const running = startHaproxy(haproxy.path, out, () => {});
    toFree.push(() => running.stop());
    const scrape = await until(() => ask(metrics, "/metrics"), "metrics");
    expect(scrape.body).toContain("haproxy_server_status");
    expect((await ask(metrics, "/")).status).toBe(404);
    const printed = await runSimurgh([...args, "--cert", "/nowhere.pem"]);
    expect(printed.stdout).toContain('bind 0.0.0.0:443 ssl crt "/nowhere.pem" alpn h2,http/1.1');
    const judged = await runSimurgh([...args, "--cert", "/nowhere.pem", "--out", out]);
    expect(judged.code).toBe(1);
    expect(judged.stderr).toContain("/nowhere.pem");
  });

  test.each([
    [["--nodes", "n1@host"], 2, "name@host:port"],
    [["--nodes", 'n1@ho"st:1'], 2, "name@host:port"],
    [["--nodes", "n1@h:1,n1@h:2"], 2, "there twice"],
    [["--host", "a b"], 2, "--host"],
    [["--tunnel-timeout", "60"], 2, "61"],
    [["--cert", "a\nb"], 2, "name of a file"],
    [["--out", "/nowhere/haproxy.cfg"], 1, "balancer_config_unwritten"],
  ])("refuses nonsense: %j", async (args, code, words) => {
    const ended = await runSimurgh(["balancer", "haproxy", ...args]);
    expect(ended).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(words) });
  });
});
