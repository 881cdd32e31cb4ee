import { describe, expect, test } from "vitest";
import { useChatTabs } from "../support/chat-tabs.js";
import { requireServer } from "../support/servers.js";
import { until } from "../support/wait.js";

const chromium = requireServer("chromium");

describe.skipIf(chromium.missing)("the page of the chat, signing in", () => {
  const chat = useChatTabs(chromium.path, ["--nodes", "2", "--balancer", "embedded"]);

  test("connects with a token of its own name, and gets another when that is refused", async () => {
    const tab = await chat().open("#signed-in");
    const { page } = tab;
    await page.fill("#name-input", "Hudhud");
    await page.press("#name-input", "Enter");
    const asked: unknown[] = [];
    await page.route("**/session", async (route) => {
      asked.push(route.request().postDataJSON());
      const response = await route.fetch();
      const answer = await response.json();
      // The first one is worth nothing: as if the servers had got another secret since.
      const token = asked.length === 1 ? `${answer.token.slice(0, -2)}AA` : answer.token;
      await route.fulfill({ response, json: { ...answer, token } });
    });
    await page.reload();
    await tab.untilConnected(30_000);
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect(asked[0]).toEqual({ name: "Hudhud" });
    await tab.say("here I am");
    await tab.untilShown("here I am");
    // The browser tells of the attempts that were refused, and of nothing else.
    const refused = tab.problems.splice(0);
    expect(refused.length).toBeGreaterThan(0);
    for (const problem of refused) expect(problem).toMatch(/WebSocket connection to .* failed|401/);
  });

  test("shows a new token on the connection that it has", async () => {
    const tab = await chat().open("#renewed");
    const { page } = tab;
    const [sent, received]: [string[], string[]] = [[], []];
    page.on("websocket", (socket) => {
      socket.on("framesent", ({ payload }) => void sent.push(String(payload)));
      socket.on("framereceived", ({ payload }) => void received.push(String(payload)));
    });
    await page.reload();
    await tab.untilConnected();
    await page.fill("#name-input", "Simurgh");
    await page.press("#name-input", "Enter");
    const answer = () => received.find((text) => text.includes('"expires_at"'));
    await until(() => answer() !== undefined, "an answer to the new token");
    expect(sent.filter((text) => text.includes('"access_token"'))).toHaveLength(1);
    expect(answer()).toContain('"status":"ok"');
  });

  test("is a guest where it cannot sign in", async () => {
    const tab = await chat().open("#guest");
    await tab.page.route("**/session", (route) => route.abort());
    await tab.page.reload();
    await tab.untilConnected();
    await tab.say("nobody in particular");
    await tab.untilShown("nobody in particular");
    for (const problem of tab.problems.splice(0)) expect(problem).toMatch(/session|ERR_FAILED/);
  });
});
