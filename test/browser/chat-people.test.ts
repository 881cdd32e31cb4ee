import { describe, expect, test } from "vitest";
import { answerOf, useOfficialClients } from "../support/chat-client.js";
import type { ChatPage } from "../support/chat-page.js";
import { useChatTabs } from "../support/chat-tabs.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

describe.skipIf(chromium.missing)("the people on the page of the chat", () => {
  const chat = useChatTabs(chromium.path, ["--nodes", "1", "--balancer", "embedded"]);
  const connect = useOfficialClients();

  /** Somebody without a page. */
  async function enter(room: string, params: { readonly name: string; readonly device?: string }) {
    const socket = await connect(chat().fleet.port);
    const channel = socket.channel(`room:${room}`, params);
    expect((await answerOf(channel.join())).status).toBe("ok");
    return { channel, socket };
  }

  const untilTyping = ({ page }: ChatPage, text: string) =>
    until(async () => (await page.textContent("#typing")) === text, `"${text}" above the composer`);

  test("stand in a list with their devices and nodes, this tab's own first, and are counted", async () => {
    const tab = await chat().open("#list");
    const { page } = tab;
    await enter("list", { name: "Attar", device: "phone" });
    await enter("list", { name: "Attar" });
    await enter("list", { name: "<b>Bold</b>", device: "toaster" });
    const me = await tab.name();
    await tab.untilPeople(["<b>Bold</b> n1", "Attar ×2 n1", `${me} n1`]);
    const names = page.locator("#people .person-name");
    expect(await names.allTextContents()).toEqual([me, "<b>Bold</b>", "Attar"]);
    expect(await page.locator(".person", { hasText: "Attar" }).locator(".device").count()).toBe(2);
    expect(await page.textContent("#room-here")).toBe("3 people here");
    expect(await page.getByTitle("3 people here").textContent()).toBe("3 here");
  });

  test("are counted in rooms that are not shown, too", async () => {
    const { page } = await chat().open("#shown");
    const count = page.locator('[id="here:lobby"]');
    await until(async () => (await count.textContent()) === "1 here", "this tab in the lobby");
    await enter("lobby", { name: "Hudhud" });
    await until(async () => (await count.textContent()) === "2 here", "two in the lobby");
    expect(await page.textContent("#room-here")).toBe("1 person here");
  });

  test("stand in a list that has an end", async () => {
    const tab = await chat().open("#crowd");
    const names = Array.from({ length: 60 }, (_, index) => `bird-${index}`);
    await Promise.all(names.map((name) => enter("crowd", { name })));
    await until(async () => (await tab.page.textContent("#room-here")) === "61 people here", "all of them");
    expect(await tab.people()).toHaveLength(40);
    expect(await tab.page.textContent("#people-more")).toBe("and 21 more");
  });

  test("are seen typing by others, until they send, stop or go", async () => {
    const [tab, other] = [await chat().open("#typing"), await chat().open("#typing")];
    const name = await tab.name();
    await tab.page.locator("#body").pressSequentially("Hm");
    await untilTyping(other, `${name} is typing…`);
    expect(await tab.page.textContent("#typing")).toBe("");
    await tab.page.press("#body", "Enter");
    await untilTyping(other, "");
    await tab.page.locator("#body").pressSequentially("or not");
    await untilTyping(other, `${name} is typing…`);
    await tab.page.fill("#body", "");
    await untilTyping(other, "");
    await tab.page.locator("#body").pressSequentially("and");
    await untilTyping(other, `${name} is typing…`);
    await tab.page.close();
    await untilTyping(other, "");
  });

  test("are named while up to three are typing, and are several then", async () => {
    const tab = await chat().open("#many");
    const texts = [
      "Ada is typing…",
      "Ada and Bahram are typing…",
      "Ada, Bahram and Cyrus are typing…",
      "Several people are typing…",
    ];
    for (const [index, name] of ["Ada", "Bahram", "Cyrus", "Dara"].entries()) {
      const { channel } = await enter("many", { name });
      expect((await answerOf(channel.push("typing", { typing: true }))).status).toBe("ok");
      await untilTyping(tab, texts[index] ?? "");
    }
  });

  test("are told to whoever listens to the page, a few at a time", async () => {
    const { page } = await chat().open("#told");
    const told = page.locator("#announcement");
    await page.locator("#people .person").waitFor();
    const entered = await Promise.all(["Ada", "Bahram"].map((name) => enter("told", { name })));
    await until(
      async () => (await told.textContent())?.endsWith("came. 3 people here."),
      "the two are announced",
    );
    expect((await told.textContent())?.replace(/^Bahram, Ada/, "Ada, Bahram")).toBe(
      "Ada, Bahram came. 3 people here.",
    );
    entered[0]?.socket.disconnect();
    await until(async () => (await told.textContent()) === "Ada left. 2 people here.", "one has left");
  });
});
