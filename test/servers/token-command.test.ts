import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { runSimurgh } from "../support/program.js";

const secret = "abcdefgh".repeat(8);
const sign = ["token", "sign", '{"sub":"u1"}', "--type", "jwt"];

describe("simurgh token as a program", () => {
  it("takes the secret from the environment and the token from its input, and tells by its exit code", async () => {
    const signed = await runSimurgh(sign, { JWT_SECRET: secret });
    expect(signed).toMatchObject({ code: 0, stderr: "" });
    const passed = await runSimurgh(["token", "verify"], { JWT_SECRET: secret }, signed.stdout);
    expect(passed.code).toBe(0);
    expect(JSON.parse(passed.stdout)).toMatchObject({ valid: true, subject: "u1" });
    const refused = await runSimurgh(["token", "verify"], { JWT_SECRET: `${secret}x` }, signed.stdout);
    expect(refused.code).toBe(3);
    expect(JSON.parse(refused.stdout)).toEqual({ valid: false, reason: "invalid" });
    const missing = await runSimurgh(["token", "verify"], {}, signed.stdout);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    const misused = await runSimurgh(["token", "sign", "{}", "--secret", secret]);
    expect(misused).toMatchObject({ code: 2, stdout: "" });
    expect(misused.stderr).toContain("unknown option");
  });

  it("reads from a pipe of a shell", () => {
    const command = "printf %s a.b.c | node dist/cli/main.js token inspect || printf %s $?";
    const printed = execFileSync("sh", ["-c", command], { encoding: "utf8" });
    expect(printed).toContain('"verified": false');
    expect(printed).toMatch(/3$/);
  });
});
