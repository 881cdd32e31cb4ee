import type { Page } from "playwright-core";
import type { Browser, Tab } from "./browser.js";
import { until } from "./wait.js";

/** A tab that shows the chat. */
export class ChatPage {
  readonly page: Page;
  readonly problems: string[];

  constructor({ page, problems }: Tab) {
    this.page = page;
    this.problems = problems;
  }

  /** Opens a tab and waits until it is connected. */
  static async open(browser: Browser, url: string): Promise<ChatPage> {
    const chat = new ChatPage(await browser.open(url));
    await chat.untilConnected();
    return chat;
  }

  /** Resolves with the full name of the node. */
  async untilConnected(timeout = 10_000): Promise<string> {
    const badge = this.page.locator("#status.connected .node");
    await badge.waitFor({ timeout });
    return (await badge.getAttribute("title")) ?? "";
  }

  async say(body: string): Promise<void> {
    await this.page.fill("#body", body);
    await this.page.press("#body", "Enter");
  }

  /** Bodies of the messages on the page, oldest first. */
  bodies(selector = ".message"): Promise<string[]> {
    return this.page.locator(`${selector} .body`).allTextContents();
  }

  /** The full name of the node that a message came through. */
  async nodeOf(body: string): Promise<string | null> {
    return this.page.locator(".message", { hasText: body }).locator(".node").getAttribute("title");
  }

  async untilShown(body: string): Promise<void> {
    await until(async () => (await this.bodies()).includes(body), `"${body}" on the page`);
  }

  /** Who is here, as the page shows it, sorted: `Attar ×2 n1 n3`. Who is shown as away is left out. */
  async people(): Promise<string[]> {
    const people = await this.page.locator("#people .person:not(.away)").evaluateAll((items) =>
      items.map((item) => {
        const texts = [...item.querySelectorAll(".person-name, .sessions, .node")];
        return texts.map(({ textContent }) => textContent).join(" ");
      }),
    );
    return people.sort();
  }

  async untilPeople(expected: readonly string[], timeoutMs = 10_000): Promise<void> {
    const wanted = JSON.stringify(expected.toSorted());
    const has = async () => JSON.stringify(await this.people()) === wanted;
    await until(has, `${wanted} on the page`, timeoutMs).catch(async (error: unknown) => {
      throw new Error(`instead there are ${JSON.stringify(await this.people())}`, { cause: error });
    });
  }

  /** What the server calls this tab. */
  async name(): Promise<string> {
    const input = this.page.locator("#name-input");
    return (await input.inputValue()) || ((await input.getAttribute("placeholder")) ?? "");
  }

  async rename(name: string): Promise<void> {
    await this.page.fill("#name-input", name);
    await this.page.press("#name-input", "Enter");
  }

  /** Nodes in the history of reconnects, newest first: `["n1@…", "n2@…"]` is from n1 to n2. */
  reconnects(): Promise<[from: string, to: string][]> {
    return this.page
      .locator("#history li")
      .evaluateAll((items) =>
        items.map((item) => [...item.querySelectorAll(".node")].map((node) => node.getAttribute("title"))),
      ) as Promise<[string, string][]>;
  }

  async untilReconnects(count: number, timeoutMs = 10_000): Promise<void> {
    const has = async () => (await this.reconnects()).length >= count;
    await until(has, `${count} reconnects on the page`, timeoutMs);
    await this.untilConnected();
  }
}
