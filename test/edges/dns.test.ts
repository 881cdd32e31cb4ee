import { describe, expect, onTestFinished, test } from "vitest";
import { dns } from "../../src/edges/discovery/dns/dns.js";
import type { DnsOptions } from "../../src/edges/discovery/dns/options.js";
import { type DnsReply, DnsServer } from "../support/dns-server.js";
import { startStrategy } from "../support/strategy.js";
import { until } from "../support/wait.js";

const name = "nodes.example.org";
const service = "_mesh._tcp.example.org";
const timing = { periodMs: 10, queryMsMax: 100 };

async function startServer(replies: Record<string, DnsReply>) {
  const server = new DnsServer();
  await server.open();
  onTestFinished(() => server.close());
  for (const [question, reply] of Object.entries(replies)) server.replies.set(question, reply);
  return server;
}

/** A server with these answers, and a strategy that asks it. */
async function ask(replies: Record<string, DnsReply>, options: Partial<DnsOptions> = {}) {
  const server = await startServer(replies);
  const asked = options.name ?? name;
  const port = asked === service ? {} : { port: 7000 };
  const started = await startStrategy(dns({ name, ...port, servers: [server.address], timing, ...options }));
  return { server, ...started };
}

describe("dns asks for the addresses of a name", () => {
  test("of both families, each address once", async () => {
    const { untilSees, server } = await ask({
      [`A ${name}`]: ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
      [`AAAA ${name}`]: ["fd00::1"],
    });
    await untilSees("10.0.0.1:7000", "10.0.0.2:7000", "[fd00::1]:7000");
    expect(new Set(server.questions)).toEqual(new Set([`A ${name}`, `AAAA ${name}`]));
  });

  test("of one family only, when told so", async () => {
    const { untilSees, server } = await ask({ A: ["10.0.0.1"], AAAA: ["fd00::1"] }, { family: 6 });
    await untilSees("[fd00::1]:7000");
    expect(new Set(server.questions)).toEqual(new Set([`AAAA ${name}`]));
  });

  test("by TCP when the answer is truncated", async () => {
    const many = Array.from({ length: 120 }, (_, i) => `10.0.1.${i}`);
    const { untilSees, server } = await ask({ A: { truncated: many }, AAAA: [] });
    await untilSees(...many.map((host) => `${host}:7000`));
    expect(server.questions).toContain(`tcp A ${name}`);
  });

  test("and sees nobody when the name has none", async () => {
    const { untilSees, stat, logger } = await ask({ A: [], AAAA: [] });
    await untilSees();
    expect([stat("names_missing"), logger.lines]).toEqual([0, []]);
  });

  test("and sees nobody when there is no such name, which is one line, and counted", async () => {
    const { untilReports, views, failures, stat, logger } = await ask({});
    await untilReports(5);
    expect([views.flat(), failures]).toEqual([[], []]);
    expect(stat("names_missing")).toBeGreaterThanOrEqual(5);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      "the DNS has no such name, so there is nobody to see",
    ]);
  });

  test("and reads so many records as it may; the others are counted", async () => {
    const { untilReports, views, stat, logger } = await ask(
      { A: ["10.0.0.1", "10.0.0.2", "10.0.0.3"], AAAA: [] },
      { limits: { recordsMax: 2 } },
    );
    await untilReports(3);
    expect(views[0]).toHaveLength(2);
    expect(stat("records_over_limit")).toBeGreaterThanOrEqual(3);
    expect(logger.lines).toHaveLength(1);
  });
});

describe("a question to the DNS that fails", () => {
  test.each<[DnsReply, string]>([
    ["SERVFAIL", "SERVFAIL"],
    ["REFUSED", "REFUSED"],
    ["FORMERR", "FORMERR"],
    ["nonsense", "A records of nodes.example.org"],
    ["silence", "no server answered in time"],
  ])("by %j is a failed look, not an empty one, until there is an answer", async (reply, words) => {
    const { server, untilSees, untilReports, views, failures, stat } = await ask({
      A: ["10.0.0.1"],
      AAAA: [],
    });
    await untilSees("10.0.0.1:7000");
    server.override = reply;
    await until(() => failures.length > 0, "a look fails");
    await untilReports(1);
    expect(failures[0]).toContain(words);
    expect(views).not.toContainEqual([]);
    expect(stat("queries_failed")).toBeGreaterThan(0);
    server.override = undefined;
    server.replies.set("A", ["10.0.0.2"]);
    await untilSees("10.0.0.2:7000");
  });

  test("because no server is there is a failed look, and another server of the list is asked", async () => {
    const gone = await startServer({});
    const { address } = gone;
    const { failures, untilReports, strategy } = await ask({}, { servers: [address] });
    await gone.close().catch(() => {});
    gone.close = async () => {};
    await untilReports(2);
    expect(failures.at(-1)).toContain("no server");
    await strategy.stop();
    const { untilSees } = await startStrategy(
      dns({
        name,
        port: 7000,
        timing: { ...timing, lookMsMax: 20_000 },
        servers: [address, (await startServer({ A: ["10.0.0.1"], AAAA: [] })).address],
      }),
    );
    await untilSees("10.0.0.1:7000");
  });

  test("for one family keeps whom that family had, while the other changes; one line says so", async () => {
    const { server, untilSees, failures, stat, logger } = await ask({ A: ["10.0.0.1"], AAAA: ["fd00::1"] });
    await untilSees("10.0.0.1:7000", "[fd00::1]:7000");
    server.replies.set("AAAA", "SERVFAIL").set("A", ["10.0.0.2"]);
    await untilSees("10.0.0.2:7000", "[fd00::1]:7000");
    server.replies.set("A", ["10.0.0.3"]);
    await untilSees("10.0.0.3:7000", "[fd00::1]:7000");
    expect(failures).toEqual([]);
    expect(stat("queries_failed")).toBeGreaterThan(1);
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual([
      ["warn", "a part of the DNS does not answer; whom it had shown stays"],
    ]);
  });

  test("for one family, with nobody in the other, is a failed look", async () => {
    const { untilReports, views, failures } = await ask({ A: [], AAAA: "SERVFAIL" });
    await untilReports(2);
    expect([views, failures[0]]).toEqual([[], expect.stringContaining("AAAA")]);
  });

  test("is cut off when the whole look takes too long", async () => {
    const patient = { periodMs: 10, queryMsMax: 60_000, lookMsMax: 50 };
    const { untilReports, failures } = await ask({ A: "silence", AAAA: "silence" }, { timing: patient });
    await untilReports(2);
    expect(failures[0]).toBe("no answer in 50 ms");
  });
});

describe("dns asks for the nodes of a service", () => {
  test("and sees each target's addresses at the target's port", async () => {
    const { untilSees } = await ask(
      {
        [`SRV ${service}`]: ["7001 n1.example.org", "7002 n2.example.org", "7001 n1.example.org"],
        "A n1.example.org": ["10.0.0.1"],
        "AAAA n2.example.org": ["fd00::2"],
      },
      { name: service },
    );
    await untilSees("10.0.0.1:7001", "[fd00::2]:7002");
  });

  test("of which one that names no target, or no port, is refused and counted", async () => {
    const { untilSees, stat } = await ask(
      { SRV: ["7001 .", "0 n1.example.org", "7002 n2.example.org"], A: ["10.0.0.2"], AAAA: [] },
      { name: service },
    );
    await untilSees("10.0.0.2:7002");
    expect(stat("records_refused")).toBeGreaterThanOrEqual(2);
  });

  test("of which a target that fails keeps what it had, and hides no other", async () => {
    const targets = ["7001 n1.example.org", "7002 n2.example.org"];
    const { server, untilSees, failures } = await ask(
      { SRV: targets, "A n1.example.org": ["10.0.0.1"], "A n2.example.org": ["10.0.0.2"], AAAA: [] },
      { name: service },
    );
    await untilSees("10.0.0.1:7001", "10.0.0.2:7002");
    server.replies.set("A n1.example.org", "SERVFAIL").set("A n2.example.org", ["10.0.0.22"]);
    await untilSees("10.0.0.1:7001", "10.0.0.22:7002");
    expect(failures).toEqual([]);
  });

  test("and asks for no more targets at a time than it may", async () => {
    const targets = Array.from({ length: 40 }, (_, i) => `${7001 + i} n${i}.example.org`);
    const { untilReports, views } = await ask(
      { SRV: targets, A: ["10.0.0.1"], AAAA: [] },
      { name: service, limits: { queriesMax: 3 } },
    );
    await untilReports(1);
    expect(views[0]).toHaveLength(40);
  });
});

test.each<[Partial<DnsOptions>, string]>([
  [{ name: "" }, "no name"],
  [{ name: "10.0.0.1" }, "no name"],
  [{ name: "a b.example.org" }, "no name"],
  [{ name: `${"a".repeat(64)}.org` }, "no name"],
  [{ port: 0 }, "port"],
  [{ port: Number.NaN }, "port"],
  [{ servers: [] }, "servers"],
  [{ servers: ["ns.example.org"] }, "IP address"],
  [{ servers: ["127.0.0.1:70000"] }, "port"],
  [{ servers: ["[::1"] }, "IP address"],
  [{ timing: { periodMs: 0 } }, "periodMs"],
  [{ limits: { recordsMax: -1 } }, "recordsMax"],
])("dns with %j is refused", (options, words) => {
  expect(() => dns({ name, port: 7000, ...options })).toThrow(
    expect.objectContaining({ code: "discovery_config_invalid", message: expect.stringContaining(words) }),
  );
});
