import { expect, onTestFinished, test } from "vitest";
import { linked, startNode } from "../support/discovered-nodes.js";
import { DnsServer } from "../support/dns-server.js";
import { until } from "../support/wait.js";

test("nodes find each other by the DNS, by addresses and by services; an answer that fails or is empty parts nobody", async () => {
  const server = new DnsServer();
  await server.open();
  onTestFinished(() => server.close());
  // The same port at two addresses of loopback; that of the DNS server is free at the others.
  const port = server.address.split(":")[1] ?? "";
  server.replies.set("A nodes.example.org", ["127.0.0.2", "127.0.0.3"]).set("AAAA", []);
  server.replies.set("SRV _mesh._tcp.example.org", [`${port} n3.example.org`]);
  server.replies.set("A n3.example.org", ["127.0.0.3"]);
  const start = (last: number, how: string) =>
    startNode(["--host", `127.0.0.${last}`, "--mesh-port", port, "--name", `n${last}`, "--discover", how]);
  const second = start(2, `dns:nodes.example.org:${port}@${server.address}`);
  const third = start(3, `dns:_mesh._tcp.example.org@${server.address}`);
  await until(() => linked(second).has("n3") && linked(third).has("n2"), "they find each other", 30_000);
  server.override = "SERVFAIL";
  await until(() => /discovery fails.*SERVFAIL/.test(second.stderr), "the failure is told", 30_000);
  server.override = "NXDOMAIN";
  await until(() => /no such name/.test(second.stderr), "the missing name is told", 30_000);
  expect([linked(second).has("n3"), linked(third).has("n2")]).toEqual([true, true]);
  second.child.kill("SIGTERM");
  expect(await second.ended).toEqual({ code: 0, signal: null });
});
