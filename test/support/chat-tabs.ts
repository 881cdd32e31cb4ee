import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { type Browser, startBrowser } from "./browser.js";
import { startChat } from "./chat-fleet.js";
import { ChatPage } from "./chat-page.js";
import type { Fleet } from "./fleet.js";

/** A fleet of the chat with a browser before it. */
export interface ChatTabs {
  readonly fleet: Fleet;
  readonly browser: Browser;
  readonly url: string;
  /** The tabs that this test has opened. */
  tabs(): readonly ChatPage[];
  /** Opens a tab and waits until it is connected. It is closed after the test. */
  open(path?: string): Promise<ChatPage>;
}

/**
 * Starts the chat and a browser for all tests of a `describe`, which calls this. After each test it closes the tabs,
 * and fails the test if one of them had anything to complain about.
 */
export function useChatTabs(executablePath: string, args: readonly string[] = []): () => ChatTabs {
  let fleet: Fleet | undefined;
  let browser: Browser | undefined;
  const tabs: ChatPage[] = [];

  beforeAll(async () => {
    fleet = await startChat(args);
    browser = await startBrowser(executablePath);
  });
  afterEach(async () => {
    const closing = tabs.splice(0);
    await Promise.all(closing.map(({ page }) => page.close()));
    expect(closing.flatMap(({ problems }) => problems)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await fleet?.end();
  });

  return () => {
    if (fleet === undefined || browser === undefined) throw new Error("called before the suite has begun");
    const [theFleet, theBrowser] = [fleet, browser];
    const url = `http://localhost:${theFleet.port}/`;
    return {
      fleet: theFleet,
      browser: theBrowser,
      url,
      tabs: () => tabs,
      open: async (path = "") => {
        const tab = await ChatPage.open(theBrowser, `${url}${path}`);
        tabs.push(tab);
        return tab;
      },
    };
  };
}
