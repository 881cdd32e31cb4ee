import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CommandOptions, command, type ScaleDriver } from "../../src/scale.js";
import { MemoryLogger } from "../support/node.js";
import { decisionOf } from "../support/scale-suite.js";
import { until } from "../support/wait.js";

describe("the driver that runs a command", () => {
  let logger: MemoryLogger;
  let folder: string;
  const drivers: ScaleDriver[] = [];
  beforeEach(() => {
    logger = new MemoryLogger();
    folder = mkdtempSync(join(tmpdir(), "simurgh-command-"));
  });
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
    rmSync(folder, { recursive: true });
  });

  function shell(script: string, more: Partial<CommandOptions> = {}): ScaleDriver {
    const driver = command({ program: "/bin/sh", args: ["-c", script, "sh"], ...more });
    driver.start?.({ nodeName: "n1", logger });
    drivers.push(driver);
    return driver;
  }
  const said = () => logger.lines.map(({ fields }) => fields.text);

  it("is told the number as its last argument, and what is to be done in its environment", async () => {
    const script = 'echo "$1 $SIMURGH_ACTION $SIMURGH_CURRENT $SIMURGH_DESIRED $SIMURGH_NODE"';
    await shell(script).apply(decisionOf(3, 2, { kind: "drain", name: "n1@10.0.0.1" }));
    expect(said()).toEqual(["2 drain 3 2 n1@10.0.0.1"]);
  });

  it("gives no word of its arguments to a shell", async () => {
    const driver = command({ program: "echo", args: ["$HOME; `id` >x"] });
    driver.start?.({ nodeName: "n1", logger });
    await driver.apply(decisionOf(1, 2));
    expect(said()).toEqual(["$HOME; `id` >x 2"]);
  });

  it("logs what is written, and no more than it may", async () => {
    await shell("for n in 1 2 3 4 5; do echo line $n; done; printf rest >&2", { linesMax: 3 }).apply(
      decisionOf(1, 2),
    );
    const lines = said().filter((text) => text !== "rest");
    expect(lines).toEqual(["line 1", "line 2", "line 3", "more than 3 lines: no more are shown"]);
  });

  it("takes what a terminal would obey out of the log", async () => {
    await shell("printf '\\033[31mred\\n'").apply(decisionOf(1, 2));
    expect(said()).toEqual([" [31mred"]);
  });

  it.each([
    ["exit 7", /exit code 7/],
    ["kill -9 $$", /ended with SIGKILL/],
  ])("has failed when the program ends with %s", async (script, words) => {
    await expect(shell(script).apply(decisionOf(1, 2))).rejects.toThrow(words);
  });

  it("has failed when there is no such program", async () => {
    const driver = command({ program: join(folder, "absent") });
    await expect(driver.apply(decisionOf(1, 2))).rejects.toMatchObject({ code: "scale_driver_failed" });
  });

  it("ends a program that takes too long, with all that it started", async () => {
    const file = join(folder, "pid");
    const driver = shell(`sleep 600 & echo $! >${file}; wait`, { timeoutMs: 400 });
    await expect(driver.apply(decisionOf(1, 2))).rejects.toThrow(/longer than 400 ms/);
    const pid = Number(readFileSync(file, "utf8"));
    await until(() => !isAlive(pid), "the child of the program to be gone");
  });

  it("does not wait for what a program left running", async () => {
    const file = join(folder, "pid");
    await shell(`sleep 600 & echo $! >${file}; echo done`).apply(decisionOf(1, 2));
    expect(said()).toEqual(["done"]);
    process.kill(Number(readFileSync(file, "utf8")));
  });

  it("runs one at a time", async () => {
    const file = join(folder, "ready");
    const driver = shell(`echo >${file}; sleep 600`);
    const first = driver.apply(decisionOf(1, 2));
    const ended = expect(first).rejects.toThrow(/SIGKILL/);
    await expect(driver.apply(decisionOf(1, 2))).rejects.toThrow(/still runs/);
    await driver.close();
    await ended;
    await expect(driver.apply(decisionOf(1, 2))).rejects.toThrow(/closed/);
  });

  it.each([
    [{ program: "" }, /program/],
    [{ program: "a", args: ["\0"] }, /zero byte/],
    [{ program: "a", timeoutMs: 0 }, /timeoutMs/],
    [{ program: "a", linesMax: 1.5 }, /linesMax/],
  ])("refuses options that cannot work: %j", (given, words) => {
    expect(() => command(given)).toThrow(words);
  });
});

/** A process that has ended and was not waited for yet counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
