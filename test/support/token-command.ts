import { Readable } from "node:stream";
import { Command, CommanderError } from "commander";
import { vi } from "vitest";
import { addToken } from "../../src/cli/commands/token.js";
import { SimurghError } from "../../src/runtime/errors.js";

/** How a command ended, as if it had been a program. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `simurgh token …` in this process, which is quicker than to start one. */
export async function runTokenCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<Ended> {
  let [code, stdout, stderr] = [-1, "", ""];
  const program = new Command("simurgh").exitOverride();
  program.configureOutput({
    writeErr: (text) => {
      stderr += text;
    },
  });
  addToken(program, (given) => {
    code = given;
  });
  const take = (text: unknown, add: (text: string) => void): true => {
    add(String(text));
    return true;
  };
  const spies = [
    vi.spyOn(process, "stdin", "get").mockReturnValue(Readable.from([Buffer.from(input)]) as never),
    vi.spyOn(process.stdout, "write").mockImplementation((text) => take(text, (more) => (stdout += more))),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => take(text, (more) => (stderr += more))),
  ];
  for (const name of ["SECRET_KEY_BASE", "JWT_SECRET"]) vi.stubEnv(name, env[name]);
  try {
    await program.parseAsync(["token", ...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) code = 2;
    else if (error instanceof SimurghError) [code, stderr] = [1, stderr + error.message];
    else throw error;
  } finally {
    for (const spy of spies) spy.mockRestore();
    vi.unstubAllEnvs();
  }
  return { code, stdout, stderr };
}
