import { expect, it } from "vitest";
import { systemVitals } from "../../src/edges/system/vitals.js";

/** An event loop that was busy and idle for as long as the test says. */
function eventLoop() {
  const loop = { active: 1_000, idle: 9_000, utilization: 0.1 };
  const pass = (activeMs: number, idleMs: number) => {
    loop.active += activeMs;
    loop.idle += idleMs;
  };
  return { vitals: systemVitals(() => ({ ...loop })), pass };
}

it("says how busy the event loop was since it was last measured", () => {
  const { vitals, pass } = eventLoop();
  pass(250, 750);
  expect(vitals.eventLoop()).toBe(0.25);
  pass(900, 100);
  expect(vitals.eventLoop()).toBe(0.9);
});

it("does not take a busy moment for a load: asked again too soon, it gives the last answer, and measures on", () => {
  const { vitals, pass } = eventLoop();
  pass(250, 750);
  vitals.eventLoop();
  pass(10, 0);
  expect(vitals.eventLoop()).toBe(0.25);
  pass(90, 900);
  expect(vitals.eventLoop()).toBe(0.1);
});

it("measures this process by itself", () => {
  expect(systemVitals().rssBytes()).toBeGreaterThan(1_000_000);
  expect(systemVitals().eventLoop(), "nothing was measured yet").toBe(0);
});
