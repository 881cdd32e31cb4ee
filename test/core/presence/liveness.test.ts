import { describe, expect, test } from "vitest";
import { Liveness } from "../../../src/core/presence/liveness.js";
import { rid } from "./support.js";

const periods = { downPeriodMs: 100, permdownPeriodMs: 1_000, lostPeriodMs: 20, replicasMax: 3 };
const [self, a, a2] = [rid("self"), rid("a", 1_000), rid("a", 2_000)];

const make = () => new Liveness(self, periods);
const known = { type: "known" };
const ignored = { type: "ignored", fault: undefined };
const up = (replaced?: string) => ({ type: "up", replaced });

describe("another replica", () => {
  test("is up when first heard, and stays so while it is heard", () => {
    const liveness = make();
    expect([liveness.heard(a, 0), liveness.heard(a, 60)]).toEqual([up(), known]);
    expect(liveness.detect(159)).toEqual({ down: [], gone: [] });
    expect(liveness.isUp(a)).toBe(true);
  });

  test("is down after the down period of silence, once", () => {
    const liveness = make();
    liveness.heard(a, 0);
    expect(liveness.detect(100)).toEqual({ down: [a], gone: [] });
    expect(liveness.detect(101)).toEqual({ down: [], gone: [] });
    expect(liveness.isUp(a)).toBe(false);
  });

  test("is up again when heard after that", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.detect(100);
    expect(liveness.heard(a, 200)).toEqual(up());
    expect(liveness.isUp(a)).toBe(true);
  });

  test("is gone after the permdown period of silence, and may come back", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.detect(100);
    expect(liveness.detect(1_000)).toEqual({ down: [], gone: [a] });
    expect(liveness.heard(a, 1_500)).toEqual(up());
  });

  test("is gone at once when nobody looked for so long", () => {
    const liveness = make();
    liveness.heard(a, 0);
    expect(liveness.detect(5_000)).toEqual({ down: [], gone: [a] });
  });

  test("is gone for good when it said goodbye, whatever arrives late", () => {
    const liveness = make();
    liveness.heard(a, 0);
    expect(liveness.ended(a, 10)).toBe(true);
    expect([liveness.heard(a, 20), liveness.ended(a, 20)]).toEqual([ignored, false]);
    expect(liveness.isUp(a)).toBe(false);
  });

  test("whose goodbye overtakes its first message is never up", () => {
    const liveness = make();
    expect(liveness.ended(a, 0)).toBe(false);
    expect(liveness.heard(a, 10)).toEqual(ignored);
  });

  test("that starts again takes the place of its predecessor, whatever of that arrives late", () => {
    const liveness = make();
    liveness.heard(a, 0);
    expect(liveness.heard(a2, 10)).toEqual(up(a));
    expect([liveness.heard(a, 20), liveness.isUp(a), liveness.isUp(a2)]).toEqual([ignored, false, true]);
  });

  test("that was replaced stays gone when its successor is down", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.heard(a2, 10);
    liveness.detect(200);
    expect([liveness.heard(a, 210), liveness.heard(a2, 220)]).toEqual([ignored, up()]);
  });

  test("of an earlier start is not believed, even when its successor was heard first", () => {
    const liveness = make();
    liveness.heard(a2, 0);
    expect([liveness.heard(a, 10), liveness.heard(a2, 20)]).toEqual([ignored, known]);
  });

  test("that started again with its clock set back is believed once the other one is down", () => {
    const liveness = make();
    liveness.heard(a2, 0);
    expect(liveness.heard(a, 50)).toEqual(ignored);
    liveness.detect(100);
    expect(liveness.heard(a, 110)).toEqual(up(a2));
  });

  test("with this node's name is a conflict, and this replica itself an echo", () => {
    const liveness = make();
    expect(liveness.heard(rid("self", 7), 0)).toEqual({ type: "ignored", fault: "name_conflict" });
    expect(liveness.heard(self, 0)).toEqual(ignored);
  });

  test("is ignored when there are as many as may be", () => {
    const liveness = make();
    for (const name of ["a", "b", "c"]) liveness.heard(rid(name), 0);
    expect(liveness.heard(rid("d"), 0)).toEqual({ type: "ignored", fault: "replicas_max" });
    expect(liveness.heard(rid("b"), 0)).toEqual(known);
  });
});

describe("a lost way to a node", () => {
  test("makes its replica down sooner", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.lost("a", 10);
    expect(liveness.detect(29).down).toEqual([]);
    expect(liveness.detect(30).down).toEqual([a]);
  });

  test("is of no account when the replica is heard all the same", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.lost("a", 10);
    liveness.heard(a, 15);
    expect(liveness.detect(60).down).toEqual([]);
  });

  test("counts from the first report", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.lost("a", 10);
    liveness.lost("a", 25);
    liveness.lost("unknown", 25);
    expect(liveness.detect(30).down).toEqual([a]);
  });
});

describe("a pause of this process", () => {
  test("is not taken for silence of others", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.excuse(500, 510);
    expect(liveness.detect(510)).toEqual({ down: [], gone: [] });
    expect(liveness.detect(600).down).toEqual([a]);
  });

  test("does not make anybody heard in the future", () => {
    const liveness = make();
    liveness.heard(a, 0);
    liveness.heard(a, 505);
    liveness.excuse(500, 510);
    expect(liveness.detect(610).down).toEqual([a]);
  });
});

test("the memory of replicas that ended is bounded, and ends", () => {
  const liveness = make();
  for (let i = 0; i < 100; i++) liveness.ended(rid("a", i), 0);
  expect(liveness.heard(rid("a", 99), 1)).toEqual(ignored);
  expect(liveness.heard(rid("a", 0), 1)).toEqual(up());
  liveness.detect(2_000);
  expect(liveness.heard(rid("a", 99), 2_001)).toEqual(up());
});
