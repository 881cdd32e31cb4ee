import { describe, expect, test } from "vitest";
import { DeltaLog } from "../../../src/core/presence/delta-log.js";

describe("a delta log", () => {
  test("tells the removals after a clock", () => {
    const log = new DeltaLog(10);
    log.record(4, 5, [2]);
    log.record(7, 8, [6]);
    expect(log.since(3)).toEqual({ from: 3, dead: [2] });
    expect(log.since(7)).toEqual({ from: 7, dead: [6] });
    expect(log.since(8)).toEqual({ from: 8, dead: [] });
  });

  test("leaves out dots above the start of the delta, which shows them dead by itself", () => {
    const log = new DeltaLog(10);
    log.record(7, 8, [6]);
    expect(log.since(3)).toEqual({ from: 3, dead: [] });
  });

  test("reaches down to the start of every row above the clock", () => {
    const log = new DeltaLog(10);
    log.record(3, 9, [1]);
    expect(log.since(6)).toEqual({ from: 3, dead: [1] });
  });

  test("goes on reaching down while that makes more rows relevant", () => {
    const log = new DeltaLog(10);
    log.record(3, 7, []);
    log.record(5, 8, []);
    log.record(7, 9, []);
    expect(log.since(8)).toEqual({ from: 3, dead: [] });
  });

  test("has no answer from before the oldest row it kept", () => {
    const log = new DeltaLog(3);
    for (let clock = 11; clock <= 15; clock++) log.record(clock - 1, clock, [clock - 10]);
    expect(log.start).toBe(12);
    expect(log.since(11)).toBeUndefined();
    expect(log.since(12)).toEqual({ from: 12, dead: [3, 4, 5] });
  });

  test("has no answer from before a reset", () => {
    const log = new DeltaLog(10);
    log.record(4, 5, [2]);
    log.reset(20);
    expect(log.since(19)).toBeUndefined();
    expect(log.since(20)).toEqual({ from: 20, dead: [] });
    expect(log.rowCount).toBe(0);
  });

  test("tells a receiver in the middle of a transfer only what it cannot know", () => {
    const log = new DeltaLog(3);
    for (let clock = 11; clock <= 15; clock++) log.record(clock - 1, clock, [clock - 10]);
    expect(log.sinceFacts(4, 13)).toEqual({ from: 4, dead: [4] });
    expect(log.sinceFacts(4, 11)).toBeUndefined();
  });

  test("keeps no more rows than it may", () => {
    const log = new DeltaLog(100);
    for (let clock = 1; clock <= 10_000; clock++) log.record(clock - 1, clock, [clock]);
    expect(log.rowCount).toBe(100);
  });
});
