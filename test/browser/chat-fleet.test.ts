import { describe, expect, test } from "vitest";
import { openOnThreeNodes, pidOf } from "../support/chat-nodes.js";
import type { ChatPage } from "../support/chat-page.js";
import { useChatTabs } from "../support/chat-tabs.js";
import { isRunning } from "../support/program.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");
const haproxy = requireServer("haproxy");

/** A tab whose node is gone is connected again within this. */
const backMsMax = 5_000;

describe.skipIf(chromium.missing)("three tabs, the embedded balancer, three nodes", () =>
  threeTabs("embedded"),
);

describe.skipIf(chromium.missing || haproxy.missing)("three tabs, HAProxy, three nodes", () =>
  threeTabs("haproxy"),
);

function threeTabs(balancer: string): void {
  const chat = useChatTabs(chromium.path, ["--nodes", "3", "--balancer", balancer]);

  const openThree = () => openOnThreeNodes(chat());
  const pidOfNode = (node: string | undefined) => pidOf(chat().fleet, node);

  test("show three different nodes, and chat across them", async () => {
    const { tabs, nodes } = await openThree();
    for (const [index, tab] of tabs.entries()) await tab.say(`from tab ${index}`);
    const bodies = tabs.map((_tab, index) => `from tab ${index}`);
    for (const tab of tabs) {
      for (const [index, body] of bodies.entries()) {
        await tab.untilShown(body);
        expect(await tab.nodeOf(body)).toBe(nodes[index]);
      }
      expect(await tab.bodies()).toHaveLength(3);
    }
  });

  test("are connected again soon when a node is killed while messages flow", async () => {
    const { tabs, nodes } = await openThree();
    const [one, victim, other] = tabs;
    const flow = startFlow(tabs);
    await until(() => flow.said > 15, "messages under way");
    const pid = await pidOfNode(nodes[1]);
    process.kill(pid, "SIGKILL");
    await victim.untilReconnects(1, backMsMax);
    for (const tab of tabs) await tab.untilConnected(backMsMax);
    const saidBefore = flow.said;
    await until(() => flow.said > saidBefore + 15, "more messages");
    await flow.stop();

    // Whatever was on its way to the dead node has been sent again.
    for (const tab of tabs) {
      await until(async () => (await tab.bodies(".own.pending, .own.failed")).length === 0, "all are sent");
    }
    await victim.say("the last word");
    for (const tab of tabs) await tab.untilShown("the last word");
    for (const tab of [one, other]) {
      expect(await tab.reconnects()).toEqual([]);
      const bodies = await tab.bodies();
      // Between nodes that live nothing is lost, and nothing comes twice.
      expect(new Set(bodies).size).toBe(bodies.length);
      for (const index of [0, 2]) expect(ofTab(bodies, index)).toEqual(flow.of(index));
    }
    expect((await victim.reconnects()).map(([from]) => from)).toEqual([nodes[1]]);
  });

  test("are connected again soon when a tab kills its own node", async () => {
    const { tabs, nodes } = await openThree();
    const [killer, ...others] = tabs;
    const pid = await pidOfNode(nodes[0]);
    await killer.page.click(`text="Kill ${nodes[0]?.split("@")[0]}"`);
    await until(() => !isRunning(pid), "the end of the node");
    await killer.untilReconnects(1, backMsMax);
    expect((await killer.reconnects()).map(([from]) => from)).toEqual([nodes[0]]);
    await killer.say("back again");
    for (const tab of others) {
      await tab.untilShown("back again");
      expect(await tab.reconnects()).toEqual([]);
    }
    await until(async () => (await pidOfNode(nodes[0])) !== pid, "the node's return");
  });
}

/** Bodies that {@link startFlow} has had said in one tab, in order. */
const ofTab = (bodies: readonly string[], index: number) =>
  bodies.filter((body) => body.startsWith(`tab ${index},`));

/** Has every tab say one thing after the other until it is stopped. */
function startFlow(tabs: readonly ChatPage[]) {
  const bodies: string[] = [];
  let running = true;
  const run = async (tab: ChatPage, index: number) => {
    for (let count = 1; running; count += 1) {
      const body = `tab ${index}, message ${count}`;
      await tab.say(body);
      bodies.push(body);
    }
  };
  const runs = Promise.all(tabs.map(run));
  return {
    get said() {
      return bodies.length;
    },
    of: (index: number) => ofTab(bodies, index),
    stop: async () => {
      running = false;
      await runs;
    },
  };
}
