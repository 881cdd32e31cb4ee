import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/edges/system/clock.js";
import { formatLine, lineLogger, silentLogger } from "../../src/edges/system/logger.js";
import { systemRandom } from "../../src/edges/system/random.js";
import { until } from "../support/wait.js";

describe("the system clock", () => {
  it("runs a timer once, not before it is due, and not inside the call that set it", async () => {
    for (let i = 0; i < 50; i++) {
      const startMs = systemClock.monotonic();
      let firedMs = 0;
      let fired = 0;
      systemClock.after(3.5, () => {
        firedMs = systemClock.monotonic();
        fired += 1;
      });
      expect(fired).toBe(0);
      await until(() => fired > 0, "the timer");
      expect(firedMs - startMs).toBeGreaterThanOrEqual(3.5);
      expect(fired).toBe(1);
    }
  });

  it("does not run what was cancelled, and lets cancel twice", async () => {
    let ran = false;
    const cancel = systemClock.after(1, () => {
      ran = true;
    });
    const stop = systemClock.every(1, () => {
      ran = true;
    });
    for (const one of [cancel, stop, cancel, stop]) one();
    let later = false;
    systemClock.after(10, () => {
      later = true;
    });
    await until(() => later, "a later timer");
    expect(ran).toBe(false);
  });

  it("repeats until it is told to stop", async () => {
    let count = 0;
    const stop = systemClock.every(1, () => {
      count += 1;
    });
    await until(() => count >= 5, "five times");
    stop();
  });

  it("waits longer than Node's timers can count", async () => {
    let early = false;
    const cancel = systemClock.after(2 ** 31 + 1_000, () => {
      early = true;
    });
    let later = false;
    systemClock.after(20, () => {
      later = true;
    });
    await until(() => later, "a later timer");
    expect(early).toBe(false);
    cancel();
  });
});

describe("the system's randomness", () => {
  it("gives fractions and bytes of their own memory", () => {
    const fraction = systemRandom.fraction();
    expect(fraction).toBeGreaterThanOrEqual(0);
    expect(fraction).toBeLessThan(1);
    const bytes = systemRandom.bytes(32);
    expect(bytes).toHaveLength(32);
    expect(bytes.buffer.byteLength).toBe(32);
    expect(systemRandom.bytes(32)).not.toEqual(bytes);
  });
});

describe("the line logger", () => {
  const now = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);

  it("writes time, level, message and fields, and leaves out what is less severe than its level", () => {
    const lines: string[] = [];
    const logger = lineLogger({ level: "info", now, write: (line) => void lines.push(line) });
    logger.debug("not written");
    logger.info("node up", { node: "n2@host", port: 7000, first: true, gone: null, unknown: undefined });
    logger.error("node lost");
    expect(lines).toEqual([
      "2026-01-02T03:04:05.006Z INFO  node up node=n2@host port=7000 first=true gone=null\n",
      "2026-01-02T03:04:05.006Z ERROR node lost\n",
    ]);
  });

  it("carries fields of its own on every line", () => {
    const lines: string[] = [];
    const logger = lineLogger({ now, fields: { node: "n1" }, write: (line) => void lines.push(line) });
    logger.warn("a", { b: 1 });
    logger.warn("c");
    expect(lines.map((line) => line.slice(25))).toEqual(["WARN  a node=n1 b=1\n", "WARN  c node=n1\n"]);
  });

  it("stays one line whatever a peer puts in its fields", () => {
    const nasty = 'x\ny="1" \u001b[31m\u2028\\';
    const line = formatLine(0, "warn", "message\nwith break", { nasty, empty: "" });
    expect(line.split("\n")).toHaveLength(2);
    expect([...line].some((letter) => letter < " " && letter !== "\n")).toBe(false);
    expect(line).toContain('empty=""');
  });

  it("is silent when told so", () => {
    const lines: string[] = [];
    lineLogger({ level: "silent", write: (line) => void lines.push(line) }).error("nothing");
    silentLogger.error("nothing");
    expect(lines).toEqual([]);
  });
});
