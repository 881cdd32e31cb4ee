import { describe, expect, test } from "vitest";
import { Timetable } from "../../../src/core/presence/timetable.js";

const times = {
  broadcastPeriodMs: 100,
  maxSilentPeriods: 3,
  clockSamplePeriods: 2,
  flushMs: 5,
  repairMs: 20,
};

function running(jitter = 0): Timetable {
  const timetable = new Timetable(times);
  timetable.start(0, jitter);
  return timetable;
}

/** Which of the next ticks speak. */
function speaking(timetable: Timetable, ticks: number, from = 0): number[] {
  const spoke: number[] = [];
  for (let i = 0; i < ticks; i++) if (timetable.due(from + i * 100).heartbeat) spoke.push(i);
  return spoke;
}

describe("the timetable of a tracker", () => {
  test("starts within a quarter of a period", () => {
    expect(running(0).nextDueAt).toBe(0);
    expect(running(0.99).nextDueAt).toBe(24);
  });

  test("speaks at the first tick, and then when it was silent long enough", () => {
    expect(speaking(running(), 10)).toEqual([0, 4, 8]);
  });

  test("speaks at the two ticks after a change", () => {
    const timetable = running();
    speaking(timetable, 2);
    timetable.flushSoon(150);
    expect(speaking(timetable, 7, 200)).toEqual([0, 1, 5]);
  });

  test("flushes a change within its window, which later changes do not put off", () => {
    const timetable = running();
    timetable.due(0);
    timetable.flushSoon(10);
    timetable.flushSoon(14);
    expect(timetable.nextDueAt).toBe(15);
    expect([timetable.due(14).flush, timetable.due(15).flush, timetable.due(15).flush]).toEqual([
      false,
      true,
      false,
    ]);
    expect(timetable.nextDueAt).toBe(100);
  });

  test("flushes at a tick what waits", () => {
    const timetable = running();
    timetable.due(0);
    timetable.flushSoon(98);
    expect(timetable.due(100)).toMatchObject({ flush: true, heartbeat: true });
  });

  test("looks for what is missing every few ticks, and soon when something is", () => {
    const timetable = running();
    expect([0, 100, 200, 300].map((now) => timetable.due(now).repair)).toEqual([false, true, false, true]);
    timetable.repairSoon(310);
    timetable.repairSoon(325);
    expect([timetable.due(329).repair, timetable.due(330).repair, timetable.due(331).repair]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("looks for silence at ticks only", () => {
    const timetable = running();
    timetable.due(0);
    timetable.flushSoon(10);
    expect([timetable.due(15).detect, timetable.due(100).detect]).toEqual([false, true]);
  });

  test("tells how long nothing ran when that was longer than a period", () => {
    const timetable = running();
    expect([timetable.due(0).pausedMs, timetable.due(200).pausedMs, timetable.due(5_300).pausedMs]).toEqual([
      0, 0, 5_000,
    ]);
  });

  test("stops", () => {
    const timetable = running();
    timetable.flushSoon(1);
    timetable.stop();
    timetable.flushSoon(2);
    expect([timetable.running, timetable.nextDueAt]).toEqual([false, undefined]);
  });
});
