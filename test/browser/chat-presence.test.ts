import { describe, expect, test } from "vitest";
import { openOnThreeNodes, pidOf } from "../support/chat-nodes.js";
import type { ChatPage } from "../support/chat-page.js";
import { useChatTabs } from "../support/chat-tabs.js";
import { show } from "../support/report.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

/** Silence until a node's people are gone, the mesh's and the tracker's together, and as much for a slow machine. */
const goneMsMax = 20_000;
const agreeMsMax = 20_000;

const short = (node: string) => node.split("@", 1)[0] ?? "";

/** Starts a stopwatch; what it returns prints the time since then. */
function stopwatch() {
  const startedAt = performance.now();
  return (what: string) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(2);
    show(`three browsers agree on who is here ${seconds} s after ${what}`);
  };
}

/** Waits until all tabs show each of them, once, on the node that it is connected to now. */
async function untilAgreed(tabs: readonly ChatPage[]): Promise<void> {
  await until(
    async () => {
      const here = tabs.map(async (tab) => `${await tab.name()} ${short(await tab.untilConnected())}`);
      const expected = (await Promise.all(here)).sort();
      for (const tab of tabs) expect(await tab.people()).toEqual(expected);
      return true;
    },
    "all pages agree",
    agreeMsMax,
  );
}

/** From now on notes the names that vanish from the list of a page, be it for a moment. */
async function watchVanishing({ page }: ChatPage): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const list = document.getElementById("people");
    const names = () => Array.from(list?.querySelectorAll(".person-name") ?? [], (item) => item.textContent);
    const vanished: (string | null)[] = [];
    let before = names();
    const look = () => {
      const now = names();
      vanished.push(...before.filter((name) => !now.includes(name)));
      before = now;
    };
    if (list !== null) new MutationObserver(look).observe(list, { childList: true });
    Reflect.set(window, "vanished", vanished);
  });
  return () => page.evaluate(() => Reflect.get(window, "vanished"));
}

describe.skipIf(chromium.missing)("three browsers on three nodes agree on who is here", () => {
  const chat = useChatTabs(chromium.path, ["--nodes", "3", "--balancer", "embedded"]);
  const openThree = async (room: string) => {
    const opened = await openOnThreeNodes(chat(), `#${room}`);
    await untilAgreed(opened.tabs);
    return opened;
  };

  test("after people come, take one name in two browsers, and go", async () => {
    const { tabs, nodes } = await openThree("comings");
    const [one, other, third] = tabs;
    const [first, , last] = [await one.name(), await other.name(), await third.name()];
    const agree = (people: string[]) => Promise.all(tabs.map((tab) => tab.untilPeople(people)));
    const [here, there, yonder] = nodes.map(short);
    const alone = [`${first} ${here}`, `Hudhud ${there}`, `${last} ${yonder}`];

    const renamed = stopwatch();
    await other.rename("Hudhud");
    await agree(alone);
    renamed("one took another name");

    const joined = stopwatch();
    const twin = await chat().open("#comings");
    const where = [...new Set([there, short(await twin.untilConnected())])].sort().join(" ");
    await agree([`${first} ${here}`, `Hudhud ×2 ${where}`, `${last} ${yonder}`]);
    joined("a fourth came");

    const left = stopwatch();
    await twin.page.close();
    await agree(alone);
    left("it went");
    await one.page.evaluate(() => localStorage.clear());
  });

  test("after a node is killed, and nobody is seen to leave", async () => {
    const { tabs, nodes } = await openThree("killed");
    const [, victim] = tabs;
    const vanished = await watchVanishing(victim);
    process.kill(await pidOf(chat().fleet, nodes[1]), "SIGKILL");
    const killed = stopwatch();
    await victim.untilReconnects(1);
    await untilAgreed(tabs);
    killed("a node was killed");
    expect(await vanished()).toEqual([]);
  });

  test("after a node is frozen, and thaws", async () => {
    const { tabs, nodes } = await openThree("frozen");
    const others = tabs.filter((_tab, index) => index !== 1);
    const frozenNode = short(nodes[1] ?? "");
    const pid = await pidOf(chat().fleet, nodes[1]);
    process.kill(pid, "SIGSTOP");
    try {
      const frozen = stopwatch();
      // The balancer has given the node up, and its tab is on another one; the nodes give it up a little later.
      const isGone = async (tab: ChatPage) =>
        (await tab.people()).every((person) => !person.split(" ").includes(frozenNode));
      const areGone = async () => (await Promise.all(others.map(isGone))).every(Boolean);
      await until(areGone, "nobody on the frozen node", goneMsMax);
      await untilAgreed(tabs);
      frozen("a node was frozen");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    const thawed = stopwatch();
    await untilAgreed(tabs);
    thawed("it thawed");
  });

  test("after each node is restarted, one after the other", async () => {
    const { tabs, nodes } = await openThree("rolling");
    const { fleet } = chat();
    for (const node of nodes) {
      const pid = await pidOf(fleet, node);
      process.kill(pid, "SIGTERM");
      await until(
        async () => {
          const rows = await fleet.nodes();
          return rows.every((row) => row.ready && row.pid !== pid);
        },
        `${node} again`,
        20_000,
      );
    }
    const restarted = stopwatch();
    await untilAgreed(tabs);
    restarted("the last of three restarts");
  });
});
