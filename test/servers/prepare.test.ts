import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startProgram } from "../support/program.js";

const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));

/** Stands for the compiler: notes that it ran, and fails on a source that says so. */
const compiler = `#!/usr/bin/env node
const fs = require("node:fs");
fs.appendFileSync("compiled", "x");
if (fs.readFileSync("src/index.ts", "utf8").includes("mistake")) {
  console.log("src/index.ts: a mistake");
  process.exit(1);
}
fs.mkdirSync("dist/cli", { recursive: true });
fs.writeFileSync("dist/cli/main.js", "");
`;

describe("the preparation of a clone", () => {
  let folder = "";
  const write = (path: string, text: string | object) =>
    writeFileSync(join(folder, path), typeof text === "string" ? text : JSON.stringify(text));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "simurgh-test-"));
    cpSync(scripts, join(folder, "scripts"), { recursive: true });
    for (const path of ["src", "compiler"]) mkdirSync(join(folder, path));
    // A package of a folder: nothing is fetched from anywhere.
    const dependencies = { compiler: "file:compiler" };
    const root = { name: "clone", version: "1.0.0", dependencies };
    const local = { name: "compiler", version: "1.0.0", bin: { tsc: "tsc.cjs" } };
    write("package.json", root);
    write("compiler/package.json", local);
    write("compiler/tsc.cjs", compiler);
    write("package-lock.json", {
      ...root,
      lockfileVersion: 3,
      packages: {
        "": root,
        compiler: { version: local.version, bin: local.bin },
        "node_modules/compiler": { resolved: "compiler", link: true },
      },
    });
    for (const path of ["tsconfig.json", "tsconfig.base.json"]) write(path, {});
    write("src/index.ts", "");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const prepare = async () => {
    const program = startProgram(process.execPath, [join(folder, "scripts/prepare.mjs")], {}, folder);
    const { code } = await program.ended;
    expect(program.stdout).toBe("");
    return { code, said: program.stderr };
  };
  const timesCompiled = () => readFileSync(join(folder, "compiled"), "utf8").length;

  test("installs and builds the first time, and keeps silent from then on", async () => {
    expect(await prepare()).toEqual({ code: 0, said: "installing packages …\nbuilding …\n" });
    expect(existsSync(join(folder, "dist/cli/main.js"))).toBe(true);
    expect(await prepare()).toEqual({ code: 0, said: "" });
    expect(timesCompiled()).toBe(1);
  });

  test("builds again when a source has changed, or what was built is gone", async () => {
    await prepare();
    appendFileSync(join(folder, "src/index.ts"), "// more\n");
    expect(await prepare()).toEqual({ code: 0, said: "building …\n" });
    rmSync(join(folder, "dist"), { recursive: true });
    expect(await prepare()).toEqual({ code: 0, said: "building …\n" });
    expect(await prepare()).toEqual({ code: 0, said: "" });
  });

  test("installs again when the lockfile has changed, or the packages are gone", async () => {
    await prepare();
    appendFileSync(join(folder, "package-lock.json"), "\n");
    rmSync(join(folder, "node_modules/.package-lock.json"));
    expect((await prepare()).said).toContain("installing packages …\n");
    rmSync(join(folder, "node_modules"), { recursive: true });
    expect((await prepare()).said).toContain("installing packages …\n");
    expect(await prepare()).toEqual({ code: 0, said: "" });
  });

  test("does each once when it is started twice at the same time", async () => {
    const both = await Promise.all([prepare(), prepare()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(timesCompiled()).toBe(1);
  });

  test("goes on where a killed one has left its lock", async () => {
    mkdirSync(join(folder, ".simurgh"));
    write(".simurgh/prepare.lock", "4194305");
    expect((await prepare()).code).toBe(0);
  });

  test("shows what is wrong when the build fails, and tries again the next time", async () => {
    await prepare();
    write("src/index.ts", "mistake");
    const failed = { code: 1, said: "building …\nsrc/index.ts: a mistake\n\nbuilding failed\n" };
    expect(await prepare()).toEqual(failed);
    expect(await prepare()).toEqual(failed);
  });

  test("removes what was built from a source that is no more", async () => {
    await prepare();
    write("dist/old.js", "");
    write("dist/index.js", "");
    appendFileSync(join(folder, "src/index.ts"), "// more\n");
    await prepare();
    expect(["old.js", "index.js"].map((file) => existsSync(join(folder, "dist", file)))).toEqual([
      false,
      true,
    ]);
  });
});
