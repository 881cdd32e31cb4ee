import { describe, expect, it } from "vitest";
import { brokerNode, turn } from "../support/broker-node.js";

const start = (options = {}) => brokerNode({ announce: false, ...options }).started();

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  let settled = false;
  void promise?.then(() => {
    settled = true;
  });
  await turn();
  return settled;
}

describe("what a node wants to hear goes to its broker", () => {
  it("in one go for one turn of the event loop", async () => {
    const { engine, driver } = await start();
    const told = ["a", "b", "c"].map((topic) => engine.subscribe(topic));
    engine.unsubscribe("b");
    await Promise.all(told);
    expect(driver.last.told).toEqual(["+simurgh.t.a +simurgh.t.c"]);
  });

  it("not at all when it is taken up and dropped within a turn, or the other way round", async () => {
    const { engine, driver } = await start();
    await engine.subscribe("a");
    engine.unsubscribe("a");
    const again = engine.subscribe("a");
    void engine.subscribe("b");
    engine.unsubscribe("b");
    await again;
    expect(driver.last.told).toEqual(["+simurgh.t.a"]);
  });

  it("and counts when the broker has answered, also for what is taken up again before", async () => {
    const { engine, driver } = await start();
    driver.last.answers = false;
    const first = engine.subscribe("a");
    await turn();
    engine.unsubscribe("a");
    const second = engine.subscribe("a");
    expect(await isSettled(second)).toBe(false);
    driver.last.answer();
    await Promise.all([first, second]);
    expect(driver.last.told).toEqual(["+simurgh.t.a"]);
  });

  it("but nobody waits longer than the timeout", async () => {
    const { engine, driver, stat, advance } = await start({ timing: { interestTimeoutMs: 50 } });
    driver.last.answers = false;
    const told = engine.subscribe("a");
    expect(await isSettled(told)).toBe(false);
    await advance(50);
    expect([await isSettled(told), stat("interest_timeouts")]).toEqual([true, 1]);
  });

  it("or than the link lives", async () => {
    const { engine, driver } = await start();
    driver.last.answers = false;
    const told = engine.subscribe("a");
    await turn();
    const late = engine.subscribe("b");
    driver.last.lose("killed");
    expect([await isSettled(told), await isSettled(late)]).toEqual([true, true]);
  });

  it("is told to a new link in steps, each of which must be answered in time", async () => {
    const { engine, driver, advance, stat } = await start();
    for (let i = 0; i < 2_400; i++) void engine.subscribe(`${i}`);
    await turn();
    driver.prepare = (link) => {
      link.answers = false;
    };
    driver.last.lose("killed");
    await advance(100);
    const link = driver.last;
    // A change of mind while it is told: what is dropped is never told, what is new not twice.
    engine.unsubscribe("2399");
    void engine.subscribe("new");
    for (let step = 0; step < 4; step++) {
      await advance(4_900);
      expect([engine.healthy, driver.last === link]).toEqual([false, true]);
      link.answer();
    }
    await advance(0);
    expect(engine.healthy).toBe(true);
    expect(link.told.map((names) => names.split(" ").length).sort((a, b) => a - b)).toEqual([
      1, 399, 1_000, 1_000,
    ]);
    expect(stat("topics_local")).toBe(2_400);
  });

  it("and is told to each new link before anything counts, without a wait while there is none", async () => {
    const { engine, driver, advance, stat, started } = brokerNode();
    expect(engine.subscribe("before")).toBeUndefined();
    await started();
    driver.last.lose("killed");
    expect(engine.subscribe("while")).toBeUndefined();
    engine.unsubscribe("before");
    await advance(200);
    expect(driver.links.map(({ told }) => told)).toEqual([
      ["+simurgh.n +simurgh.n.n1 +simurgh.t.before"],
      ["+simurgh.n +simurgh.n.n1 +simurgh.t.while"],
    ]);
    expect([engine.healthy, stat("topics_local")]).toEqual([true, 1]);
  });
});
