import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Agent, startAgent } from "../../src/edges/balancer/agent/agent.js";
import { agentAnswer } from "../../src/edges/balancer/agent/answer.js";
import { systemVitals } from "../../src/edges/system/vitals.js";
import { askRaw } from "../support/http.js";

describe("what a node says to HAProxy's agent check", () => {
  test.each([
    [0, "ready up 100%\n"],
    [0.65, "ready up 100%\n"],
    [0.8, "ready up 52%\n"],
    [0.95, "ready up 5%\n"],
    [1, "ready up 5%\n"],
  ])("busy %d: %j", (busy, answer) => {
    expect(agentAnswer({ isReady: true, busy, connectionsMax: undefined })).toBe(answer);
  });

  test("a bound of connections, and a drain whatever else there is", () => {
    expect(agentAnswer({ isReady: true, busy: 0, connectionsMax: 5_000 })).toBe(
      "ready up 100% maxconn:5000\n",
    );
    expect(agentAnswer({ isReady: false, busy: 0, connectionsMax: 5_000 })).toBe("drain\n");
  });
});

describe("the agent of a node", () => {
  const agents: Agent[] = [];
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.stop();
  });
  const start = async (isReady: () => Promise<boolean>, port = 0) => {
    const agent = await startAgent({
      busy: systemVitals().eventLoop,
      address: { host: "127.0.0.1", port },
      connectionsMax: undefined,
      isReady,
    });
    agents.push(agent);
    return agent;
  };

  test("answers each asker, whatever it sends, with what holds now", async () => {
    let isReady = true;
    const { port } = await start(async () => isReady);
    expect(await askRaw(port, "")).toMatch(/^ready up \d+%\n$/);
    isReady = false;
    expect(await askRaw(port, "\u0000garbage\r\n".repeat(1_000))).toBe("drain\n");
  });

  test("outlives askers who leave before they are answered", async () => {
    let answer: (isReady: boolean) => void = () => {};
    const { port } = await start(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const asker = connect({ host: "127.0.0.1", port });
    await once(asker, "connect");
    asker.resetAndDestroy();
    await once(asker, "close");
    answer(true);
    const next = askRaw(port, "");
    const timer = setInterval(() => answer(true), 5);
    expect(await next).toMatch(/^ready/);
    clearInterval(timer);
  });

  test("says with a code that its port is taken", async () => {
    const { port } = await start(async () => true);
    await expect(start(async () => true, port)).rejects.toMatchObject({ code: "endpoint_bind_failed" });
  });
});
