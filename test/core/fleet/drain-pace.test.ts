import { expect, it } from "vitest";
import { nextPace } from "../../../src/core/fleet/drain-pace.js";

const limits = { first: 400, max: 1_000 };

it.each([
  ["stays when nobody says how it is", 400, undefined, 400],
  ["doubles while the busiest has time", 400, 0.3, 800],
  ["goes no higher than its most", 800, 0.3, 1_000],
  ["stays while the busiest is well used", 400, 0.75, 400],
  ["halves when the busiest has no time left", 400, 0.9, 200],
  ["never stops", 60, 1, 50],
])("the pace of a drain %s", (_name, pace, busiest, next) => {
  expect(nextPace(pace, busiest, limits)).toBe(next);
});
