import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../src/core/limits/token-bucket.js";

describe("a token bucket", () => {
  it("gives its burst at once, then says how long until the next", () => {
    const bucket = new TokenBucket({ perS: 10, burst: 3 });
    expect([1, 2, 3, 4].map(() => bucket.take(1, 0))).toEqual([0, 0, 0, 100]);
  });

  it("gives who waits as long as he was told", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }),
        (perS, burst, gaps) => {
          const bucket = new TokenBucket({ perS, burst });
          let nowMs = 0;
          for (const gap of gaps) {
            nowMs += gap;
            const waitMs = bucket.take(1, nowMs);
            if (waitMs === 0) continue;
            nowMs += waitMs;
            expect(bucket.take(1, nowMs)).toBe(0);
          }
        },
      ),
    );
  });

  it("never gives more than the burst and the rate together", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 500 }),
        (perS, burst, gaps) => {
          const bucket = new TokenBucket({ perS, burst });
          let nowMs = 0;
          let given = 0;
          for (const gap of gaps) {
            nowMs += gap;
            if (bucket.take(1, nowMs) === 0) given++;
          }
          expect(given).toBeLessThanOrEqual(burst + (nowMs * perS) / 1_000 + 0.01);
        },
      ),
    );
  });

  it("lets what is larger than itself pass, and is then paid off", () => {
    const bucket = new TokenBucket({ perS: 1_000, burst: 100 });
    expect(bucket.take(5_000, 0)).toBe(0);
    expect(bucket.take(1, 0)).toBe(4_901);
    expect(bucket.take(1, 4_900)).toBe(1);
    expect(bucket.take(1, 4_901)).toBe(0);
  });

  it("asks nothing of anybody without a bound", () => {
    const bucket = new TokenBucket({ perS: Number.POSITIVE_INFINITY, burst: 1 });
    for (let i = 0; i < 1_000; i++) expect(bucket.take(1_000_000, 5)).toBe(0);
  });

  it("is full again after a long rest, and no fuller", () => {
    const bucket = new TokenBucket({ perS: 10, burst: 2 });
    bucket.take(1, 0);
    expect([1, 2, 3].map(() => bucket.take(1, 1_000_000))).toEqual([0, 0, 100]);
  });
});
