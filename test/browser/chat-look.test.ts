import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { answerOf, useOfficialClients } from "../support/chat-client.js";
import { useChatTabs } from "../support/chat-tabs.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

/** Pictures for people to look at; nobody compares them. */
const pictures = fileURLToPath(new URL("../../reports/screens/", import.meta.url));
const phone = { width: 390, height: 844 };

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png`, animations: "disabled" });
}

/** What keeps people with other eyes, hands or ears from using the page, in both color schemes. */
async function barriers(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
    for (const { id, nodes } of violations) {
      for (const node of nodes) found.push(`${colorScheme}: ${id}: ${node.html}: ${node.failureSummary}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  return found;
}

const overflow = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe.skipIf(chromium.missing)("the look of the chat", () => {
  const chat = useChatTabs(chromium.path, ["--nodes", "2", "--balancer", "embedded"]);

  const connect = useOfficialClients();

  /** Two tabs that have had a talk, the first of them to be looked at. */
  async function talk(room: string) {
    const { fleet, open } = chat();
    const [tab, other] = [await open(`#${room}`), await open(`#${room}`)];
    await tab.page.fill("#room-input", "valley of love");
    await tab.page.press("#room-input", "Enter");
    await tab.page.goBack();
    const enter = async (name: string, device: string) => {
      const channel = (await connect(fleet.port)).channel(`room:${room}`, { name, device });
      expect((await answerOf(channel.join())).status).toBe("ok");
      return channel;
    };
    const typist = await enter("Attar", "phone");
    for (const [name, device] of [
      ["Hudhud", "desktop"],
      ["Hudhud", "phone"],
      ["Somebody whose name is as long as can be", "desktop"],
    ] as const) {
      await enter(name, device);
    }
    const lines = [
      [other, "The valley of the quest is behind us. Is everybody here?"],
      [tab, "Here! On another node, by the look of the badge."],
      [other, "Me too. Thirty of us set out, didn't we?"],
      [other, `I count two. ${"Averyveryverylongword".repeat(8)}`],
      [tab, "Then let us see what happens\nwhen one of them is gone."],
    ] as const;
    for (const [from, body] of lines) {
      await from.say(body);
      for (const at of [tab, other]) await at.untilShown(body);
    }
    expect((await answerOf(typist.push("typing", { typing: true }))).status).toBe("ok");
    await until(async () => (await tab.page.textContent("#typing")) === "Attar is typing…", "Attar's typing");
    return tab;
  }

  test("has no barriers on a wide screen, bright or dark", async () => {
    const { page } = await talk("wide");
    // While somebody is still typing.
    await picture(page, "wide");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "wide-dark");
    expect(await overflow(page)).toBe(0);
    expect(await barriers(page)).toEqual([]);
  });

  test("fits a phone, where rooms and connection are called for", async () => {
    const tab = await talk("phone");
    const { page } = tab;
    await page.setViewportSize(phone);
    // The panel slides out of sight, as it does after each change of the width.
    await page.locator("#room-input").waitFor({ state: "hidden" });
    await picture(page, "phone");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "phone-dark");
    await page.emulateMedia({ colorScheme: "light" });
    expect(await overflow(page)).toBe(0);
    expect(await barriers(page)).toEqual([]);

    await page.fill("#body", "from a phone");
    await page.click("#send");
    await tab.untilShown("from a phone");

    await page.click("#panel-open");
    await page.locator("#room-input").waitFor();
    await until(() => page.evaluate(() => document.activeElement?.id === "panel-close"), "the focus inside");
    await until(async () => (await page.locator("#panel").boundingBox())?.x === 0, "the panel in its place");
    expect(await barriers(page)).toEqual([]);
    await picture(page, "phone-panel");
    await page.keyboard.press("Escape");
    await until(() => page.evaluate(() => document.activeElement?.id === "panel-open"), "the focus back");
    await page.locator("#room-input").waitFor({ state: "hidden" });
  });

  test("can be used by keyboard alone", async () => {
    const { page } = await chat().open("#keys");
    const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
    const ring: string[] = [];
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press("Tab");
      ring.push(await focused());
    }
    expect(ring).toEqual(
      expect.arrayContaining(["room:lobby", "room-input", "name-input", "kill", "messages", "body"]),
    );
    await page.focus("#room\\:lobby");
    await page.keyboard.press("Enter");
    expect(await page.textContent("#room-title")).toBe("#lobby");
    await page.keyboard.type("two");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("lines");
    await page.keyboard.press("Enter");
    await page.locator(".own", { hasText: "two\nlines" }).waitFor();
  });

  test("shows what waits for a connection, sends it when it is back, and keeps a history", async () => {
    const tab = await talk("away");
    const { page } = tab;
    const { browser, fleet } = chat();
    const node = await tab.untilConnected();
    await browser.context.setOffline(true);
    for (const { pid } of await fleet.nodes()) if (pid !== null) process.kill(pid, "SIGKILL");
    await page.locator("#status.reconnecting").waitFor();
    await tab.say("Is anybody there?");
    await page.locator(".own.pending", { hasText: "Is anybody there?" }).waitFor();
    expect(await page.isDisabled("#kill")).toBe(true);
    expect(await barriers(page)).toEqual([]);
    await picture(page, "reconnecting");

    await until(async () => (await fleet.nodes()).every((row) => row.ready), "both nodes again");
    await browser.context.setOffline(false);
    await tab.untilReconnects(1);
    await page.locator(".own:not(.pending)", { hasText: "Is anybody there?" }).waitFor();
    expect((await tab.reconnects()).map(([from]) => from)).toEqual([node]);
    expect(await page.locator(".note").allTextContents()).toEqual([
      expect.stringMatching(/^Lost n\d, back on n\d after [\d.]+ s\./),
    ]);
    expect(await barriers(page)).toEqual([]);
    await picture(page, "back");
    // The browser itself complains about each attempt to connect, or to be signed in, while it is cut off.
    const expected =
      /WebSocket connection to .* failed|Failed to load resource: net::ERR_INTERNET_DISCONNECTED/;
    for (const { problems } of chat().tabs()) {
      expect(problems.filter((problem) => !expected.test(problem))).toEqual([]);
      problems.length = 0;
    }
  });
});
