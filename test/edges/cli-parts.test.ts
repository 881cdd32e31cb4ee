import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { parseRequest } from "../../src/cli/control/messages.js";
import { readBounds } from "../../src/cli/fleet/autoscale-option.js";
import { createBackoff } from "../../src/cli/fleet/backoff.js";
import { parseNodeMessage, parseNodeOrder } from "../../src/cli/fleet/messages.js";
import { eachLine, lineWriter } from "../../src/cli/support/lines.js";
import { freePorts, tryBind } from "../../src/cli/support/ports.js";
import { table } from "../../src/cli/support/table.js";
import { within } from "../../src/cli/support/within.js";

describe("the wait before a node is started again", () => {
  test("doubles with each quick death up to a bound, and begins anew after a long life", () => {
    const next = createBackoff({ firstMs: 100, maxMs: 1_000, stableMs: 5_000 });
    expect([10, 10, 10, 10, 10, 10].map(next)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    expect([5_000, 10].map(next)).toEqual([100, 200]);
  });
});

describe("lines of a node", () => {
  const linesOf = async (pieces: readonly string[]) => {
    const stream = new PassThrough();
    const lines: string[] = [];
    eachLine(stream, (line) => lines.push(line));
    for (const piece of pieces) stream.write(Buffer.from(piece, "latin1"));
    stream.end();
    await new Promise((resolve) => stream.on("close", resolve));
    return lines;
  };

  test("come whole, whatever the pieces", async () => {
    expect(await linesOf(["one\ntw", "o\n", "\nth", "ree"])).toEqual(["one", "two", "", "three"]);
    // A character of two bytes, cut in the middle.
    expect(await linesOf(["\u00c3", "\u00bc\n"])).toEqual(["\u00fc"]);
  });

  test("are broken when they are longer than anybody reads", async () => {
    const lines = await linesOf(["x".repeat(40_000), "\nnext\n"]);
    expect(lines.map((line) => line.length)).toEqual([16_384, 16_384, 7_232, 4]);
  });

  test("are dropped and counted while nobody reads them, and nobody waits", () => {
    const stream = new PassThrough();
    const write = lineWriter(stream);
    for (let at = 0; at < 3_000; at++) write("x".repeat(1_000));
    expect(stream.writableLength + stream.readableLength).toBeLessThan(1_200_000);
    const read = () => String(stream.read());
    for (let text = read(); text !== "null"; text = read()) expect(text).toMatch(/^[x\n]+$/);
    write("again");
    expect(read()).toMatch(/^\(\d+ lines dropped: the output is not read fast enough\)\n/);
  });

  test("outlive their reader", async () => {
    const stream = new PassThrough();
    const write = lineWriter(stream);
    stream.destroy(new Error("the reader is gone"));
    await new Promise((resolve) => stream.on("close", resolve));
    write("nobody hears this");
  });
});

describe("ports", () => {
  test("are all different, free, and out of the way of outgoing connections", async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
    for (const port of ports) {
      expect(port).toBeLessThan(32_768);
      expect(await tryBind({ host: "127.0.0.1", port })).toBe("free");
    }
  });

  test("are told to be taken, or at no address of this machine", async () => {
    const [port = 0] = await freePorts(1);
    expect(await tryBind({ host: "192.0.2.1", port })).toBe("no_such_address");
  });
});

describe("small parts", () => {
  test("a table lines up its columns", () => {
    expect(
      table(
        ["A", "LONG"],
        [
          ["wide cell", "1"],
          ["x", ""],
        ],
      ),
    ).toBe("A          LONG\nwide cell  1\nx\n");
  });

  test("within says whether the work was done in time, and passes a failure on", async () => {
    expect(await within(10_000, Promise.resolve())).toBe(true);
    expect(await within(1, new Promise(() => {}))).toBe(false);
    await expect(within(10_000, Promise.reject(new Error("no")))).rejects.toThrow("no");
  });

  test.each([
    null,
    "x",
    1,
    {},
    { type: "ready" },
    { type: "simurgh:listening", port: "1" },
    { type: "simurgh:status", stage: "tired", values: {} },
    { type: "simurgh:status", stage: "ready" },
    { type: "simurgh:drain", limitMs: 1 },
  ])("%j is no message of a node", (value) => expect(parseNodeMessage(value)).toBeUndefined());

  test("what a node says of itself is read, but for values that are none", () => {
    const values = { connections: 3, eventLoop: "busy", speed: 7 };
    expect(parseNodeMessage({ type: "simurgh:status", stage: "draining", values })).toEqual({
      type: "simurgh:status",
      stage: "draining",
      values: { connections: 3 },
    });
  });

  test.each([
    undefined,
    { type: "simurgh:drain" },
    { type: "simurgh:gone", name: 1 },
    { type: "simurgh:status", stage: "ready", values: {} },
  ])("%j is no order to a node", (value) => expect(parseNodeOrder(value)).toBeUndefined());

  test.each([
    "nonsense",
    '{"command":"drain","name":"n1@127.0.0.1"}',
    '{"command":"drain","name":1,"limitMs":1}',
    '{"command":"drain","name":"n1@127.0.0.1","limitMs":-1}',
    '{"command":"cancel-drain"}',
    '{"command":"deploy","app":7,"startMsMax":1,"settleMs":1,"limitMs":1}',
    '{"command":"deploy","startMsMax":1,"settleMs":1}',
  ])("%s is no request to a fleet", (line) => expect(parseRequest(line)).toBeUndefined());

  test("bounds are two numbers in order", () => {
    expect(readBounds("2..6")).toEqual({ minNodes: 2, maxNodes: 6 });
    for (const text of ["", "2", "2-6", "6..2", "0..2", "1..65", "a..b"]) {
      expect(() => readBounds(text)).toThrow("MIN..MAX");
    }
  });
});
