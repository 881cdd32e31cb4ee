import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplayGuard, replayDefaults } from "../../../src/core/auth/replay-guard.js";
import { SecondBuckets } from "../../../src/core/auth/second-buckets.js";

describe("buckets of seconds", () => {
  it("give back everything in the order of its second, and nothing before", () => {
    const step = fc.record({ second: fc.nat(20), thing: fc.nat(5), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(25), (steps, nowS) => {
        const buckets = new SecondBuckets<number>();
        const model = new Map<string, number>();
        for (const { second, thing, remove } of steps) {
          const name = `${second} ${thing}`;
          if (remove) buckets.delete(second, thing);
          else if (!model.has(name)) buckets.add(second, thing);
          if (remove) model.delete(name);
          else model.set(name, second);
        }
        expect(buckets.size).toBe(model.size);
        const taken: string[] = [];
        for (let next = buckets.takeFirst(nowS); next !== undefined; next = buckets.takeFirst(nowS)) {
          for (const thing of next.things) taken.push(`${next.second} ${thing}`);
        }
        const due = [...model].filter(([, second]) => second <= nowS);
        expect([...taken].sort()).toEqual(due.map(([name]) => name).sort());
        expect(taken.map((name) => Number.parseInt(name, 10))).toEqual(
          due.map(([, second]) => second).sort((a, b) => a - b),
        );
        expect(buckets.size).toBe(model.size - due.length);
      }),
    );
  });

  it("keep no trace of what comes and goes before its time", () => {
    const buckets = new SecondBuckets<string>();
    buckets.add(5, "stays");
    for (let second = 10; second < 20_000; second++) {
      buckets.add(second, "goes");
      buckets.delete(second, "goes");
    }
    expect([buckets.size, buckets.first]).toEqual([1, 5]);
    expect(buckets.takeFirst(5)?.things).toEqual(new Set(["stays"]));
    expect(buckets.first).toBeUndefined();
  });
});

describe("a guard against replays", () => {
  const limits = { ...replayDefaults, freeRefusals: 2, delayMs: 100, delayMaxMs: 500 };

  it("answers the first refusals at once, then takes twice as long each time, up to a bound", () => {
    const guard = new ReplayGuard(limits);
    const delays = Array.from({ length: 7 }, () => guard.refused(1, 0).delayMs);
    expect(delays).toEqual([0, 0, 100, 200, 400, 500, 500]);
    expect(guard.refused(2, 0)).toEqual({ refusals: 1, delayMs: 0, replayed: false, isNoteworthy: false });
  });

  it("tells the operator of the first replay, and of each time that there are twice as many", () => {
    const guard = new ReplayGuard(limits);
    const told = Array.from({ length: 20 }, () => guard.refused(1, 0)).filter((one) => one.isNoteworthy);
    expect(told.map(({ refusals }) => refusals)).toEqual([3, 4, 6, 10, 18]);
  });

  it("forgets a token that nobody shows any more", () => {
    const guard = new ReplayGuard(limits);
    for (let i = 0; i < 5; i++) guard.refused(1, 0);
    expect(guard.refused(1, limits.forgetMs).refusals).toBe(6);
    expect(guard.refused(1, 2 * limits.forgetMs + 1).refusals).toBe(1);
  });

  it("remembers no more tokens than its limit, the latest ones", () => {
    const guard = new ReplayGuard({ ...limits, tokensMax: 2 });
    for (const hash of [1, 2, 1, 3]) guard.refused(hash, 0);
    expect(guard.size).toBe(2);
    expect(guard.refused(1, 0).refusals).toBe(3);
    expect(guard.refused(2, 0).refusals).toBe(1);
  });
});
