import { describe, expect, it } from "vitest";
import { run } from "../../scripts/lib/run.mjs";
import { until } from "../support/wait.js";

const node = (code: string, limitMs?: number) =>
  run(process.execPath, ["-e", code], limitMs === undefined ? {} : { limitMs });

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a command of the scripts", () => {
  it("gives its exit code, and all that it wrote, to either stream", async () => {
    const wrote = await node(
      "process.stdout.write('x'.repeat(1e6)); process.stderr.write('y'.repeat(1e6)); process.exitCode = 3",
    );
    expect(wrote.code).toBe(3);
    expect(wrote.output).toHaveLength(2e6);
  });

  it("has no input to wait for", async () => {
    expect(await node("process.stdin.on('end', () => console.log('end')).resume()")).toEqual({
      code: 0,
      output: "end\n",
    });
  });

  it("leaves nothing running, though what it started would", async () => {
    const { code, output } = await node(
      "console.log(require('child_process').spawn('sleep', ['600'], { stdio: 'inherit' }).pid); process.exit()",
    );
    expect(code).toBe(0);
    const pid = Number(output);
    expect(pid).toBeGreaterThan(0);
    await until(() => !isAlive(pid), "the grandchild ends");
  });

  it("is ended with all that it started when it takes too long", async () => {
    const { code, output } = await node("console.log(process.pid); setInterval(() => {}, 1000)", 1_000);
    expect(code).toBe(124);
    expect(output).toMatch(/^\d+\n\nended after 1 s: /);
    await until(() => !isAlive(Number.parseInt(output, 10)), "the command ends");
  });

  it("fails when there is no such command", async () => {
    expect(await run("no-such-command", [])).toEqual({
      code: 127,
      output: expect.stringContaining("ENOENT"),
    });
  });

  it("fails when a signal ends it", async () => {
    expect((await node("process.kill(process.pid, 'SIGTERM')")).code).toBe(1);
  });
});
