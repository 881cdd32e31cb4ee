import { describe, expect, it } from "vitest";
import { Pace, type TurnMeasure } from "../../../src/core/limits/pace.js";

const quiet: TurnMeasure = {
  turnMs: 1,
  handshakesMs: undefined,
  handshakes: 0,
  atOnce: 0,
  completed: 0,
  latencyMs: 0,
  lagMs: 0,
  crowded: true,
};

/** Turns in which handshakes cost `costMs` each, and everything else `otherMs`. */
function busyTurns(pace: Pace, costMs: number, otherMs: number): void {
  for (let i = 0; i < 50; i++) {
    const handshakes = pace.perTurn;
    const handshakesMs = handshakes * costMs;
    pace.note({ ...quiet, turnMs: handshakesMs + otherMs, handshakesMs, handshakes });
  }
}

/** The window of a storm's end where `capacity` handshakes take `aloneMs`, and more take their turns. */
function windowAt(capacity: number, aloneMs: number, max = 10_000): number {
  const pace = new Pace(max);
  let completed = 0;
  for (let done = 0; done < 10_000; done += completed) {
    completed = Math.max(1, Math.min(pace.window, capacity));
    const each = aloneMs * Math.max(1, pace.window / capacity);
    pace.note({ ...quiet, completed, latencyMs: completed * each });
  }
  return pace.window;
}

describe("the pace of handshakes", () => {
  it("lets as many begin in one turn as fit into its slice", () => {
    const pace = new Pace(1_000);
    busyTurns(pace, 0.2, 1);
    expect(pace.perTurn).toBeGreaterThanOrEqual(45);
    expect(pace.perTurn).toBeLessThanOrEqual(55);
  });

  it("lets one begin when one takes longer than the slice", () => {
    const pace = new Pace(1_000);
    busyTurns(pace, 80, 1);
    expect(pace.perTurn).toBe(1);
  });

  it("keeps a third of a busy node for newcomers", () => {
    const pace = new Pace(1_000);
    busyTurns(pace, 0.2, 400);
    expect((pace.perTurn * 0.2) / (400 + pace.perTurn * 0.2)).toBeCloseTo(0.33, 1);
  });

  it.each([10, 50, 200, 1_000])("finds what a database of %i connections can do", (capacity) => {
    const window = windowAt(capacity, 20);
    expect(window).toBeGreaterThanOrEqual(Math.min(capacity, 8));
    expect(window).toBeLessThanOrEqual(6 * capacity);
  });

  it("never passes its bound", () => {
    expect(windowAt(1_000, 5, 300)).toBe(300);
    expect(new Pace(3).window).toBe(3);
  });

  it("does not take the event loop's own delay for a database's", () => {
    const pace = new Pace(1_000);
    pace.note({ ...quiet, completed: 10, latencyMs: 150 });
    for (let i = 0; i < 100; i++) pace.note({ ...quiet, completed: 10, latencyMs: 2_000, lagMs: 100 });
    expect(pace.window).toBeGreaterThan(500);
  });

  it("is not misled by those that were refused at once", () => {
    const pace = new Pace(1_000);
    for (let i = 0; i < 100; i++) pace.note({ ...quiet, atOnce: 50, completed: 10, latencyMs: 500 });
    expect(pace.window).toBe(1_000);
  });

  it("grows only while somebody waits", () => {
    const pace = new Pace(1_000);
    for (let i = 0; i < 100; i++) pace.note({ ...quiet, crowded: false, completed: 10, latencyMs: 10 });
    expect(pace.window).toBe(16);
  });
});
