import { describe, expect, test } from "vitest";
import { type Look, LookLoop } from "../../src/edges/discovery/look-loop.js";
import { FakeClock } from "../support/fake-clock.js";
import { MemoryLogger, turn } from "../support/node.js";

const nobody: Look = { sightings: [] };

/** A loop on a driven clock, whose looks a test answers. */
function loopOf(look: (signal: AbortSignal) => Promise<Look>, fraction = 0.5) {
  const clock = new FakeClock();
  const reports: string[] = [];
  const host = {
    nodeName: "me",
    address: { host: "127.0.0.1", port: 7 },
    secrets: [],
    clock,
    random: { fraction: () => fraction, bytes: (length: number) => new Uint8Array(length) },
    logger: new MemoryLogger(),
    view: () => void reports.push("view"),
    failed: (reason: string) => void reports.push(reason),
  };
  const loop = new LookLoop(host, { periodMs: 1_000, lookMsMax: 300 }, look);
  return { clock, reports, loop, advance: (byMs: number) => clock.advance(byMs, turn) };
}

describe("looking again and again", () => {
  test.each([
    [0, 750],
    [0.5, 1_000],
    [0.999, 1_249],
  ])("by the chance %d waits %d ms between two looks", async (fraction, periodMs) => {
    const { loop, reports, advance } = loopOf(async () => nobody, fraction);
    loop.hurry();
    await turn();
    expect(reports).toHaveLength(1);
    await advance(periodMs - 1);
    expect(reports).toHaveLength(1);
    await advance(2);
    expect(reports).toHaveLength(2);
  });

  test("cuts off a look that takes too long, reports it as failed, and goes on", async () => {
    const signals: AbortSignal[] = [];
    const { loop, reports, advance } = loopOf((signal) => {
      signals.push(signal);
      return signals.length === 1 ? new Promise(() => {}) : Promise.resolve(nobody);
    });
    loop.hurry();
    await advance(300);
    expect([reports, signals[0]?.aborted]).toEqual([["no answer in 300 ms"], true]);
    await advance(1_000);
    expect(reports).toEqual(["no answer in 300 ms", "view"]);
  });

  test("takes an error of a look for a failure", async () => {
    const { loop, reports } = loopOf(() => Promise.reject(new Error("broken")));
    loop.hurry();
    await turn();
    expect(reports).toEqual(["broken"]);
  });

  test("waits longer when a look that failed says so", async () => {
    const { loop, reports, advance } = loopOf(async () => ({ failure: "busy", afterMs: 5_000 }));
    loop.hurry();
    await turn();
    await advance(4_999);
    expect(reports).toEqual(["busy"]);
    await advance(2);
    expect(reports).toEqual(["busy", "busy"]);
  });

  test("in a hurry looks at once, and once more when a look is under way; never two at a time", async () => {
    let [running, most, looks] = [0, 0, 0];
    const { loop, advance } = loopOf(async () => {
      looks += 1;
      running += 1;
      most = Math.max(most, running);
      await turn();
      running -= 1;
      return nobody;
    });
    for (let i = 0; i < 5; i++) loop.hurry();
    await turn();
    await advance(1);
    await turn();
    expect([looks, most]).toEqual([2, 1]);
    loop.hurry();
    expect(looks).toBe(3);
  });

  test("after its stop reports nothing and leaves no timer", async () => {
    let answer = (_look: Look) => {};
    const { loop, reports, clock } = loopOf(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    loop.hurry();
    loop.stop();
    answer(nobody);
    loop.hurry();
    await turn();
    expect([reports, clock.pending]).toEqual([[], 0]);
  });
});
