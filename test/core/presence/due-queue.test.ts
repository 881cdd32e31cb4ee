import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DueQueue } from "../../../src/core/presence/due-queue.js";
import { check } from "./support.js";

describe("a queue of what is due", () => {
  test("gives values in order of time, and of arrival at the same time", () => {
    check(
      fc.property(fc.array(fc.nat(20), { maxLength: 100, size: "max" }), (times) => {
        const queue = new DueQueue<number>();
        times.forEach((at, turn) => {
          queue.push(at, turn);
        });
        const order = times.map((at, turn) => ({ at, turn })).sort((a, b) => a.at - b.at || a.turn - b.turn);
        expect(queue.nextDueAt).toBe(order[0]?.at);
        for (const { at, turn } of order) {
          expect(queue.pop(at - 1)).toBeUndefined();
          expect(queue.pop(at)).toBe(turn);
        }
        expect([queue.size, queue.nextDueAt, queue.pop(99)]).toEqual([0, undefined, undefined]);
      }),
    );
  });

  test("keeps its order while values come and go", () => {
    const queue = new DueQueue<string>();
    queue.push(5, "b");
    queue.push(1, "a");
    expect(queue.pop(9)).toBe("a");
    queue.push(7, "d");
    queue.push(5, "c");
    expect([queue.pop(9), queue.pop(9), queue.pop(9)]).toEqual(["b", "c", "d"]);
  });
});
