import { describe, expect, test } from "vitest";
import { answerOf, useOfficialClients } from "../support/chat-client.js";
import type { ChatPage } from "../support/chat-page.js";
import { useChatTabs } from "../support/chat-tabs.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

describe.skipIf(chromium.missing)("the page of the chat", () => {
  const chat = useChatTabs(chromium.path, ["--nodes", "1", "--balancer", "embedded"]);
  const connect = useOfficialClients();

  /** Somebody without a page, in a room of their own choice. */
  async function enter(room: string, name = "Somebody") {
    const channel = (await connect(chat().fleet.port)).channel(`room:${room}`, { name });
    expect((await answerOf(channel.join())).status).toBe("ok");
    return channel;
  }

  /** Has somebody say so many things, and waits for the last. */
  async function fill(tab: ChatPage, room: string, count: number) {
    const somebody = await enter(room);
    for (let index = 1; index <= count; index += 1) somebody.push("new_msg", { body: `line ${index}` });
    await tab.untilShown(`line ${count}`);
    return somebody;
  }

  test("shows what people write as text, whatever it is", async () => {
    const tab = await chat().open("#markup");
    const body = '<img src="x" onerror="document.title=1"> <script>document.title=1</script> &amp; \u202e';
    const somebody = await enter("markup", "<b>Bold</b>");
    await answerOf(somebody.push("new_msg", { body }));
    await tab.untilShown(body);
    expect(await tab.page.locator(".author").allTextContents()).toEqual(["<b>Bold</b>"]);
    expect(await tab.page.locator("#list :is(img, script, b)").count()).toBe(0);
    expect(await tab.page.title()).toBe("#markup · Simurgh chat");
  });

  test("shows own messages apart from those of others, with name, time and node", async () => {
    const tab = await chat().open("#apart");
    await tab.say("mine");
    await until(async () => (await tab.bodies(".own:not(.pending)")).length === 1, "the own message, sent");
    const somebody = await enter("apart", "Attar");
    somebody.push("new_msg", { body: "theirs" });
    await tab.untilShown("theirs");
    expect(await tab.bodies(".own")).toEqual(["mine"]);
    const theirs = tab.page.locator(".message:not(.own)");
    expect(await theirs.locator(".author").textContent()).toBe("Attar");
    expect(await theirs.locator(".node").textContent()).toBe("n1");
    expect(await theirs.locator("time").textContent()).toMatch(/\d\d:\d\d/);
  });

  test("sends no message that is empty or too long, and says how long it is", async () => {
    const { page } = await chat().open();
    expect(await page.isDisabled("#send")).toBe(true);
    await page.fill("#body", " \n ");
    expect(await page.isDisabled("#send")).toBe(true);
    await page.fill("#body", "x".repeat(4_001));
    expect(await page.isDisabled("#send")).toBe(true);
    expect(await page.textContent("#counter")).toBe("4001 of 4000 characters");
    await page.fill("#body", "x".repeat(4_000));
    expect(await page.isDisabled("#send")).toBe(false);
  });

  test("remembers the name, and is in the rooms that were open, after it is loaded again", async () => {
    const tab = await chat().open();
    const { page } = tab;
    await page.fill("#name-input", " Hudhud ");
    await page.press("#name-input", "Enter");
    await page.fill("#room-input", "valley of love");
    await page.press("#room-input", "Enter");
    expect(await page.textContent("#room-title")).toBe("#valley-of-love");
    expect(new URL(page.url()).hash).toBe("#valley-of-love");
    await page.reload();
    await tab.untilConnected();
    expect(await page.textContent("#room-title")).toBe("#valley-of-love");
    expect(await page.locator(".room-name").allTextContents()).toEqual(["lobby", "valley-of-love"]);
    expect(await page.inputValue("#name-input")).toBe("Hudhud");
    const other = await chat().open("#valley-of-love");
    await tab.say("here I am");
    await other.untilShown("here I am");
    expect(await other.page.locator(".author").allTextContents()).toEqual(["Hudhud"]);
    await page.evaluate(() => localStorage.clear());
  });

  test("counts what is said in other rooms, and goes back and forth between rooms", async () => {
    const tab = await chat().open("#first");
    const { page } = tab;
    await page.fill("#room-input", "second");
    await page.press("#room-input", "Enter");
    await page.getByRole("button", { name: "first", exact: false }).first().waitFor();
    const somebody = await enter("first");
    for (const body of ["one", "two"]) somebody.push("new_msg", { body });
    await page.locator(".count", { hasText: "2" }).waitFor();
    expect(await page.title()).toBe("(2) #second · Simurgh chat");
    expect(await tab.bodies()).toEqual([]);
    await page.goBack();
    expect(await page.textContent("#room-title")).toBe("#first");
    expect(await tab.bodies()).toEqual(["one", "two"]);
    expect(await page.locator(".count").count()).toBe(0);
    await page.click('[aria-label="Leave first"]');
    expect(await page.textContent("#room-title")).toBe("#lobby");
  });

  test("leaves a reader who has scrolled up where they are, and tells what is new", async () => {
    const tab = await chat().open("#long");
    const { page } = tab;
    const somebody = await fill(tab, "long", 40);
    const scrollTop = () => page.locator("#messages").evaluate((box) => Math.round(box.scrollTop));
    const room = () =>
      page.locator("#messages").evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
    expect(await room()).toBeLessThan(2);
    expect(await page.isHidden("#jump")).toBe(true);
    await page.locator("#messages").evaluate((box) => box.scrollTo(0, 100));
    await page.locator("#jump").waitFor();
    somebody.push("new_msg", { body: "news" });
    await page.locator("#jump", { hasText: "1 new message" }).waitFor();
    expect(await scrollTop()).toBe(100);
    await page.click("#jump");
    await until(async () => (await room()) < 2, "the end in sight");
    expect(await page.isHidden("#jump")).toBe(true);
  });

  test("keeps no more than the last 500 messages", async () => {
    const tab = await chat().open("#bounded");
    await fill(tab, "bounded", 620);
    const bodies = await tab.bodies();
    expect(bodies).toHaveLength(500);
    expect(bodies[0]).toBe("line 121");
  });

  test("can be reached by long polling where there is no WebSocket", async () => {
    const { browser, url } = chat();
    const page = await browser.context.newPage();
    await page.addInitScript(() => Reflect.deleteProperty(window, "WebSocket"));
    await page.goto(`${url}#polling`);
    await page.locator("#connection-detail", { hasText: "long polling" }).waitFor();
    await page.fill("#body", "by poll");
    await page.press("#body", "Enter");
    await page.locator(".own:not(.pending)", { hasText: "by poll" }).waitFor();
    await page.close();
  });
});
