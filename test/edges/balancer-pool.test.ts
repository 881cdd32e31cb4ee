import { describe, expect, test } from "vitest";
import type { ServerState } from "../../src/contracts/balancer.js";
import { assert } from "../../src/core/shared/assert.js";
import { type CheckResult, createPool } from "../../src/edges/balancer/embedded/pool.js";
import { createReplay } from "../../src/edges/balancer/embedded/replay.js";
import { rampedWeight } from "../../src/edges/balancer/ramp.js";

const poolOf = (count: number, rampMs = 0) => {
  const servers = Array.from({ length: count }, (_, index) => ({
    name: `n${index + 1}`,
    address: { host: "127.0.0.1", port: index + 1 },
    weight: 100,
  }));
  const changes: string[] = [];
  const pool = createPool(
    servers,
    { rise: 2, fall: 3, serverConnectionsMax: 10, rampMs },
    ({ server }, state) => {
      changes.push(`${server.name} ${state}`);
    },
  );
  const [first] = pool.members;
  assert(first !== undefined, "one at least");
  return { pool, first, changes };
};

const results: Record<string, CheckResult> = { r: "ready", n: "not_ready", f: "failed", x: "refused" };

describe("the health of a server", () => {
  // Checks by their first letters: ready, not ready, failed; x stands for a refused connection.
  test.each<[string, ServerState]>([
    ["", "up"],
    ["f", "up"],
    ["ff", "up"],
    ["fff", "down"],
    ["ffrff", "up"],
    ["x", "down"],
    ["n", "draining"],
    ["nr", "up"],
    ["nfff", "down"],
    ["nx", "down"],
    ["xr", "down"],
    ["xrr", "up"],
    ["xrfr", "down"],
    ["xrfrr", "up"],
    ["xn", "draining"],
    ["xnr", "up"],
  ])("checks %j make it %s", (checks, state) => {
    const { pool, first } = poolOf(1);
    for (const check of checks) pool.note(first, results[check] ?? "ready");
    expect(pool.status()[0]?.state).toBe(state);
  });

  test("a server that goes down has its connections cut, one that drains keeps them", () => {
    const { pool, first, changes } = poolOf(1);
    let cut = 0;
    first.held.add({ cut: () => (cut += 1) });
    pool.note(first, "not_ready");
    expect(cut).toBe(0);
    pool.note(first, "refused");
    pool.note(first, "refused");
    expect(cut).toBe(1);
    expect(changes).toEqual(["n1 draining", "n1 down"]);
  });
});

describe("the choice of a server", () => {
  test("takes the least loaded one in proportion to its weight, and equals by turns", () => {
    const { pool, first } = poolOf(3);
    first.server = { ...first.server, weight: 200 };
    for (let at = 0; at < 20; at++) pool.pick(new Set())?.held.add({ cut: () => {} });
    expect(pool.status().map((status) => status.connections)).toEqual([10, 5, 5]);
  });

  test("does not give an empty new server every connection at once", () => {
    const { pool } = poolOf(3, 3_600_000);
    for (let at = 0; at < 15; at++) pool.pick(new Set())?.held.add({ cut: () => {} });
    pool.add({ name: "n4", address: { host: "127.0.0.1", port: 4 }, weight: 100 });
    for (let at = 0; at < 15; at++) pool.pick(new Set())?.held.add({ cut: () => {} });
    expect(pool.status().map((status) => status.connections)).toEqual([10, 10, 10, 0]);
  });

  test.each([
    [0, 1],
    [25, 25],
    [99, 99],
    [100, 100],
    [1_000, 100],
  ])("gives a server that is %i %% through its ramp the weight %i of 100", (sinceMs, weight) => {
    expect(rampedWeight(100, sinceMs, 100)).toBe(weight);
    expect(rampedWeight(0, sinceMs, 100)).toBe(0);
  });

  test("leaves out those tried, full, draining, down or of no weight", () => {
    const { pool } = poolOf(4);
    const [one, two, three, four] = pool.members;
    assert(one !== undefined && two !== undefined && three !== undefined && four !== undefined, "four");
    pool.note(two, "refused");
    pool.note(three, "not_ready");
    four.server = { ...four.server, weight: 0 };
    expect(pool.pick(new Set())).toBe(one);
    expect(pool.pick(new Set([one]))).toBeUndefined();
    for (let at = 0; at < 10; at++) one.held.add({ cut: () => {} });
    expect(pool.pick(new Set())).toBeUndefined();
  });
});

describe("what may be sent to a second server", () => {
  const head = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
  test.each([
    ["a GET", [head], true],
    ["a GET in pieces", [head.slice(0, 9), head.slice(9)], true],
    ["a HEAD", [head.replace("GET", "HEAD")], true],
    ["a POST", [head.replace("GET", "POST")], false],
    ["half a head", [head.slice(0, 20)], false],
    ["a GET with something after it", [head, "x"], false],
    ["two requests", [head, head], false],
    ["what is no HTTP", ["\u0016\u0003\u0001"], false],
    ["more than is kept", [`GET /${"x".repeat(1_000)}`, " HTTP/1.1\r\n\r\n"], false],
  ])("%s: %j may: %s", (_what, pieces, may) => {
    const replay = createReplay(500);
    const [first = "", ...rest] = pieces;
    replay.add(Buffer.from(first));
    expect(replay.begun()).toBe(false);
    expect(replay.possible()).toBe(true);
    expect(String(Buffer.concat([...replay.begin()]))).toBe(first);
    for (const piece of rest) replay.add(Buffer.from(piece));
    expect(replay.possible()).toBe(may);
    if (may) expect(String(Buffer.concat([...replay.begin()]))).toBe(pieces.join(""));
    expect(replay.possible()).toBe(false);
  });

  test("nothing once a server has answered", () => {
    const replay = createReplay(500);
    replay.add(Buffer.from(head));
    replay.begin();
    replay.forget();
    expect(replay.possible()).toBe(false);
  });
});
