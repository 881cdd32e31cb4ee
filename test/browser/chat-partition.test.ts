import { afterAll, beforeAll, describe, expect, test } from "vitest";
import chat from "../../examples/chat/src/server.js";
import { type MeshAdapter, mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import { formatAddress } from "../../src/edges/pubsub/mesh/peer-address.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { type Browser, startBrowser } from "../support/browser.js";
import { ChatPage } from "../support/chat-page.js";
import { testSecret } from "../support/pubsub-engines.js";
import { Relay } from "../support/relay.js";
import { show } from "../support/report.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

/** Silence is noticed in a third of a second, and a link that can be is soon there again. */
const timing = {
  backoffBaseMs: 5,
  backoffMaxMs: 50,
  heartbeatPeriodMs: 50,
  heartbeatTimeoutMs: 250,
  dialTimeoutMs: 100,
  handshakeTimeoutMs: 200,
};

describe.skipIf(chromium.missing)("three browsers on three nodes, one of which is cut off", () => {
  let browser: Browser;
  const stops: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    browser = await startBrowser(chromium.path);
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(stops.map((stop) => stop()));
  });

  async function startNode(name: string, peers: readonly string[]) {
    const pubsub = mesh({ secret: testSecret, peers, timing });
    const secretKeyBase = "a secret that long polls of these nodes share";
    const endpoint = chat({ name, pubsub, secretKeyBase, supervised: false, logger: silentLogger });
    stops.push(() => endpoint.stop());
    const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
    return { pubsub, port, address: formatAddress(pubsub.address ?? { host: "", port: 0 }) };
  }

  const untilMeshed = (adapters: readonly MeshAdapter[]) =>
    until(() => adapters.every((one) => one.nodes().length === adapters.length - 1), "a whole mesh");

  test("see their own side during the partition, and everybody again after it", async () => {
    const a = await startNode("a", []);
    const b = await startNode("b", [a.address]);
    const relays = [await Relay.start(a.address), await Relay.start(b.address)];
    const c = await startNode(
      "c",
      relays.map(({ address }) => address),
    );
    await untilMeshed([a.pubsub, b.pubsub, c.pubsub]);
    const tabs: ChatPage[] = [];
    for (const [index, { port }] of [a, b, c].entries()) {
      const tab = await ChatPage.open(browser, `http://127.0.0.1:${port}/#parted`);
      await tab.rename(["Attar", "Bahram", "Cyrus"][index] ?? "");
      tabs.push(tab);
    }
    const agree = (views: readonly (readonly string[])[]) =>
      Promise.all(tabs.map((tab, index) => tab.untilPeople(views[index] ?? [], 20_000)));
    const everybody = ["Attar a", "Bahram b", "Cyrus c"];
    await agree([everybody, everybody, everybody]);

    const partedAt = performance.now();
    for (const relay of relays) relay.silence();
    const side = ["Attar a", "Bahram b"];
    await agree([side, side, ["Cyrus c"]]);
    const sawAt = performance.now();
    // Who comes meanwhile is seen on that side only.
    const late = await ChatPage.open(browser, `http://127.0.0.1:${c.port}/#parted`);
    await late.rename("Dara");
    await agree([side, side, ["Cyrus c", "Dara c"]]);
    const healedAt = performance.now();
    for (const relay of relays) relay.heal();
    const all = [...everybody, "Dara c"];
    await agree([all, all, all]);
    const seconds = (from: number, to: number) => ((to - from) / 1_000).toFixed(2);
    show(`three browsers see their own sides ${seconds(partedAt, sawAt)} s after a partition began`);
    show(`three browsers agree on who is here ${seconds(healedAt, performance.now())} s after it healed`);
    expect([...tabs, late].flatMap(({ problems }) => problems)).toEqual([]);
  });
});
