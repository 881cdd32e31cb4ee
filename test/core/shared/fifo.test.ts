import fc from "fast-check";
import { expect, it } from "vitest";
import { Fifo } from "../../../src/core/shared/fifo.js";

it("gives back what was put in, in order, as an array does", () => {
  const steps = fc.array(fc.oneof(fc.integer(), fc.constant("shift" as const)), { maxLength: 600 });
  fc.assert(
    fc.property(steps, (commands) => {
      const queue = new Fifo<number>();
      const model: number[] = [];
      for (const command of commands) {
        if (command === "shift") expect(queue.shift()).toBe(model.shift());
        else {
          queue.push(command);
          model.push(command);
        }
        expect(queue.length).toBe(model.length);
      }
    }),
  );
});

it("stays right through long queues that are filled and emptied by turns", () => {
  const queue = new Fifo<number>();
  let [put, taken] = [0, 0];
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 1_000; i++) queue.push(put++);
    for (let i = 0; i < 900; i++) expect(queue.shift()).toBe(taken++);
  }
  while (queue.length > 0) expect(queue.shift()).toBe(taken++);
  expect(taken).toBe(put);
  expect(queue.shift()).toBeUndefined();
});
