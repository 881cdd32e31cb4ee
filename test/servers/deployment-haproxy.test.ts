import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { deployText } from "../support/deployment/files.js";
import { DnsServer } from "../support/dns-server.js";
import { ask, freePort } from "../support/http.js";
import { startProgram } from "../support/program.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const haproxy = requireServer("haproxy");
const config = deployText("haproxy/haproxy.cfg");

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

function writeConfig(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "simurgh-test-"));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "haproxy.cfg");
  writeFileSync(path, text);
  return path;
}

describe.skipIf(haproxy.missing)("the config of HAProxy for docker-compose.yml", () => {
  test("is valid, without a warning", () => {
    const said = execFileSync(haproxy.path, ["-c", "-V", "-f", writeConfig(config)], {
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(said).not.toContain("WARNING");
  });

  test("finds the nodes by their name, and one that comes later", async () => {
    const [port, nodePort] = [await freePort(), await freePort()];
    const dns = new DnsServer();
    await dns.open();
    cleanUp.push(() => dns.close());
    const hosts = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    const ready = new Map<string, number>();
    for (const host of hosts) await startNode(host, nodePort, ready);
    dns.replies.set("A node", hosts.slice(0, 2));
    dns.replies.set("AAAA node", []);
    startHaproxy(port, nodePort, dns.address);

    const served = async () => (await ask(port).catch(() => ({ body: "" }))).body;
    await untilServed(served, hosts.slice(0, 2));
    dns.replies.set("A node", hosts);
    await untilServed(served, hosts);

    ready.set("127.0.0.2", 503);
    const seen: string[] = [];
    await until(async () => {
      seen.push(await served());
      return seen.length > 20 && !seen.slice(-20).includes("127.0.0.2");
    }, "a node that is not ready gets nothing");
    expect(new Set(seen.slice(-20))).toEqual(new Set(hosts.slice(1)));
  });
});

/** A node that says where it is. */
async function startNode(host: string, port: number, ready: ReadonlyMap<string, number>): Promise<void> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/ready" ? (ready.get(host) ?? 200) : 200;
    response.end(host);
  });
  server.listen(port, host);
  await once(server, "listening");
  cleanUp.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
}

/** Runs the config as it is, but for addresses and the open files that it needs. */
function startHaproxy(port: number, nodePort: number, nameServer: string): void {
  const text = config
    .replace("maxconn 20000", "maxconn 500")
    .replace("127.0.0.11:53", nameServer)
    .replace("bind :4000", `bind 127.0.0.1:${port}`)
    .replaceAll(" node:4000", ` node:${nodePort}`);
  const program = startProgram(haproxy.path, ["-db", "-f", writeConfig(text)]);
  cleanUp.push(async () => {
    program.child.kill("SIGKILL");
    await program.ended;
  });
}

async function untilServed(served: () => Promise<string>, hosts: readonly string[]): Promise<void> {
  const seen = new Set<string>();
  await until(
    async () => {
      seen.add(await served());
      return hosts.every((host) => seen.has(host));
    },
    `all of ${hosts.join(", ")} serve`,
  );
}
