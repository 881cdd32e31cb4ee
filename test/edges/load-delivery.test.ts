import { afterEach, describe, expect, it } from "vitest";
import { type Faults, FaultyServer } from "../support/faulty-server.js";
import { LoadHarness } from "../support/load-run.js";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const clients = 10;
const messages = 100;

async function run(faults: Faults) {
  const server = await FaultyServer.start(faults);
  cleanUps.push(() => server.stop());
  const load = new LoadHarness({
    url: server.url,
    connections: clients,
    publish: { rate: 100 },
    duration: "1s",
    limits: { settle: "4s", late: "60s" },
  });
  cleanUps.push(() => load.close());
  await load.joined();
  await load.publish(messages);
  await load.finish();
  return { server, load, counted: load.collector.counters };
}

describe("the account of deliveries", () => {
  it("finds nothing wrong with a server that does nothing wrong", async () => {
    const { counted } = await run({});
    expect(counted).toMatchObject({
      published: messages,
      expected: clients * messages,
      delivered: clients * messages,
    });
    expect(counted).toMatchObject({
      lost: 0,
      duplicated: 0,
      reordered: 0,
      late: 0,
      foreign: 0,
      afterDeadline: 0,
    });
  });

  it("counts exactly what a server loses, as lost with no reason in sight", async () => {
    const { counted, server } = await run({ copies: (n, receiver) => ((n + receiver) % 7 === 3 ? 0 : 1) });
    expect(server.done.withheld).toBeGreaterThan(100);
    const steady = {
      lost: server.done.withheld,
      lostDisconnect: 0,
      lostKill: 0,
      duplicated: 0,
      reordered: 0,
    };
    expect(counted).toMatchObject({ ...steady, delivered: server.done.sent });
    expect(counted.lostSteady + counted.lostAtJoin).toBe(server.done.withheld);
  });

  it("counts exactly what a server doubles", async () => {
    const { counted, server } = await run({ copies: (n, receiver) => (n % 10 === receiver ? 2 : 1) });
    expect(server.done.doubled).toBe(clients * 10);
    expect(counted).toMatchObject({
      duplicated: server.done.doubled,
      delivered: clients * messages,
      lost: 0,
    });
  });
});

describe("the order of deliveries", () => {
  it("counts each message that comes after its sender's next one", async () => {
    const server = await FaultyServer.start({ swaps: (n, receiver) => receiver === 0 && n % 4 === 1 });
    cleanUps.push(() => server.stop());
    const load = new LoadHarness(
      { url: server.url, connections: 1, publish: { rate: 100 }, duration: "1s", limits: { settle: "3s" } },
      1,
    );
    cleanUps.push(() => load.close());
    await load.joined();
    await load.publish(messages);
    await load.finish();
    expect(server.done.swapped).toBe(messages / 4);
    expect(load.collector.counters).toMatchObject({ reordered: messages / 4, lost: 0, duplicated: 0 });
  });

  it("does not call it reordered when messages of different senders change places", async () => {
    const { counted, server } = await run({ swaps: (n) => n % 4 === 1, strangersOnly: true });
    expect(server.done.swapped).toBe((clients * messages) / 4);
    expect(counted).toMatchObject({ reordered: 0, lost: 0 });
  });
});

describe("a connection that the server cuts", () => {
  it("counts what is lost around it by that cause, and brings the clients back", async () => {
    const server = await FaultyServer.start();
    cleanUps.push(() => server.stop());
    const load = new LoadHarness({
      url: server.url,
      connections: clients,
      publish: { rate: 100 },
      duration: "2s",
      limits: { settle: "3s" },
    });
    cleanUps.push(() => load.close());
    await load.joined();
    const published = load.publish(2 * messages);
    await load.someSent();
    server.cut();
    await published;
    await load.finish();
    const { counters } = load.collector;
    expect(counters).toMatchObject({ disconnects: clients, reconnects: clients, lostSteady: 0, lostKill: 0 });
    expect(counters.expected).toBe(counters.delivered + counters.lost);
    expect(load.collector.distribution("reconnect")?.count).toBe(clients);
  });
});
