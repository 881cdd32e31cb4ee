import { afterEach, describe, expect, test } from "vitest";
import { untilGone } from "../support/fleet.js";
import { ask, freePort } from "../support/http.js";
import { descendants, isRunning, type Program, runSimurgh, startProgram } from "../support/program.js";
import { until } from "../support/wait.js";

describe("the chat, started by npm", () => {
  const programs: { program: Program; processes: () => number[] }[] = [];
  afterEach(async () => {
    for (const { program, processes } of programs.splice(0)) {
      const left = processes();
      for (const pid of left) if (isRunning(pid)) process.kill(pid, "SIGKILL");
      await program.ended;
    }
  });
  /** What is installed and built is not checked again: that is another test's business. */
  const npm = async (script: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    const program = startProgram("npm", ["run", "--ignore-scripts", script, "--", ...args], env);
    let last: number[] = [];
    const processes = () => {
      if (isRunning(program.pid)) last = [program.pid, ...descendants(program.pid)];
      return last;
    };
    programs.push({ program, processes });
    return { program, processes };
  };
  const small = ["--nodes", "2", "--balancer", "embedded"];

  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
    "npm start says when it is ready, and nothing is left when npm gets %s",
    async (signal) => {
      const port = await freePort();
      const { program, processes } = await npm("start", small, { PORT: String(port) });
      await program.line(`ready http://localhost:${port}`);
      const { stdout } = await runSimurgh(["nodes", "--json"], { PORT: String(port) });
      const all = processes();
      for (const { pid } of JSON.parse(stdout)) expect(all).toContain(pid);
      expect((await ask(port)).status).toBe(200);
      program.child.kill(signal);
      await untilGone(all);
    },
  );

  test("npm run nodes prints pure JSON", async () => {
    const port = await freePort();
    const env = { PORT: String(port) };
    const { program } = await npm("start", small, env);
    await program.line("ready ");
    const nodes = startProgram("npm", ["run", "-s", "nodes", "--", "--json"], env);
    expect(await nodes.ended).toMatchObject({ code: 0 });
    expect(JSON.parse(nodes.stdout)).toMatchObject([{ name: "n1@127.0.0.1" }, { name: "n2@127.0.0.1" }]);
  });

  test("npm run node starts one node, and nothing is left when npm is ended", async () => {
    const port = await freePort();
    const { program, processes } = await npm("node", ["--name", "n7@127.0.0.1"], { PORT: String(port) });
    await program.line("n7@127.0.0.1 listens");
    await until(async () => JSON.parse((await ask(port, "/health")).body).node === "n7@127.0.0.1", "health");
    const all = processes();
    program.child.kill("SIGTERM");
    await untilGone(all);
  });
});
