import { describe, expect, test } from "vitest";
import {
  resolveTrackerOptions,
  type TrackerOptions,
  trackerDefaults,
} from "../../../src/core/presence/options.js";

function reason(given: Partial<TrackerOptions>): string {
  const resolved = resolveTrackerOptions(given);
  return resolved.ok ? "" : resolved.reason;
}

describe("tracker options", () => {
  test("are the defaults unless given, and the down period follows from the heartbeat", () => {
    expect(resolveTrackerOptions()).toEqual({
      ok: true,
      options: { ...trackerDefaults, downPeriodMs: 30_000 },
    });
    expect(resolveTrackerOptions({ broadcastPeriodMs: 100, maxSilentPeriods: 3 })).toMatchObject({
      options: { downPeriodMs: 600 },
    });
  });

  test("are refused when the down period is shorter than two heartbeats", () => {
    expect(reason({ downPeriodMs: 2_999 })).toContain("downPeriodMs must be at least twice");
    expect(reason({ downPeriodMs: 3_000 })).toBe("");
  });

  test("are refused when the permdown period is not longer than the down period", () => {
    expect(reason({ permdownPeriodMs: 30_000 })).toContain("permdownPeriodMs must be larger");
    expect(reason({ permdownPeriodMs: 30_001 })).toBe("");
  });

  test("are refused when a message could not carry an entry", () => {
    expect(reason({ messageBytesMax: 9_000 })).toContain("messageBytesMax");
  });

  test.each([
    { flushMs: -1 },
    { broadcastPeriodMs: 0 },
    { metaBytesMax: 1.5 },
    { deltaLogMax: Number.NaN },
    { replicasMax: Number.POSITIVE_INFINITY },
  ])("are refused with a number that makes no sense: %o", (given) => {
    expect(reason(given)).toContain(`${Object.keys(given)[0]} must be a whole number`);
  });

  test("may flush, repair and believe in a loss at once", () => {
    expect(reason({ flushMs: 0, repairMs: 0, lostPeriodMs: 0 })).toBe("");
  });
});
