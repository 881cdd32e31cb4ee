import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { file } from "../../src/edges/discovery/file/file.js";
import type { FileOptions } from "../../src/edges/discovery/file/options.js";
import { FakeClock } from "../support/fake-clock.js";
import { startStrategy } from "../support/strategy.js";
import { until } from "../support/wait.js";

/** Nothing is seen in time but by the watching. */
const watched = { periodMs: 600_000, settleMs: 5 };
/** What is read is read by the period, too. */
const polled = { periodMs: 20, settleMs: 5 };
const [one, two, three] = ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"];
const listOf = (...hosts: string[]) => JSON.stringify(hosts);

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "simurgh-file-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A strategy over a file of a folder of its own; without content there is no file. */
async function startFile(content: string | Uint8Array | undefined, options: Partial<FileOptions> = {}) {
  const path = join(makeFolder(), options.format === "yaml" ? "nodes.yaml" : "nodes.json");
  if (content !== undefined) writeFileSync(path, content);
  const write = (text: string | Uint8Array) => writeFileSync(path, text);
  return { path, write, ...(await startStrategy(file({ path, timing: polled, ...options }))) };
}

describe("a file lists nodes", () => {
  test.each<["json" | "yaml", string, string[]]>([
    ["json", listOf(one, `n2@${two}`, one), [one, two]],
    ["json", '{ "nodes": [{ "host": "10.0.0.1", "port": 7000, "name": "n1" }], "more": 1 }', [one]],
    ["json", '[{ "host": "fd00::1", "port": 7000 }, "[fd00::2]:7000"]', ["[fd00::1]:7000", "[fd00::2]:7000"]],
    ["json", "[]", []],
    ["yaml", `# ours\nnodes:\n  - ${one}\n  - n2@n2@${two}\n`, [one, two]],
    ["yaml", '- { host: 10.0.0.1, port: 7000, name: n1 }\n- "[fd00::2]:7000"\n', [one, "[fd00::2]:7000"]],
    ["yaml", listOf(one), [one]],
    ["yaml", "nodes: []", []],
  ])("in %s: %j", async (format, content, wanted) => {
    const { untilSees, failures } = await startFile(content, { format });
    await untilSees(...wanted);
    expect(failures).toEqual([]);
  });

  test.each<["json" | "yaml", string | Uint8Array, string]>([
    ["json", "", "it is no JSON"],
    ["json", listOf(one, two).slice(0, -4), "it is no JSON"],
    ["json", "null", "there is no list of nodes in it"],
    ["json", '{ "hosts": [] }', "there is no list of nodes in it"],
    [
      "json",
      listOf(one, "nowhere"),
      'entry 2 is no name@host:port, host:port or { host, port, name }: "nowhere"',
    ],
    ["json", '[{ "host": "10.0.0.1", "port": 0 }]', "entry 1"],
    ["json", '[{ "host": "10.0.0.1", "port": 7000, "name": 1 }]', "entry 1"],
    ["json", '[{ "host": "a b", "port": 7000 }]', "entry 1"],
    ["json", '[{ "host": "10.0.0.1", "port": "7000" }]', "entry 1"],
    ["json", "[[]]", "entry 1"],
    ["json", Buffer.from([0x5b, 0xff, 0x5d]), "it is no text in UTF-8"],
    ["json", "[".repeat(50), "it is no JSON"],
    ["yaml", "", "there is no list of nodes in it"],
    ["yaml", "- [", "it is no YAML"],
    ["yaml", "a: &a [x]\nnodes: [*a, *a]\n", "it is no YAML"],
    ["yaml", "- 7000", "entry 1"],
  ])("and nonsense in %s is one line, and whom it had listed stays: %j", async (format, content, words) => {
    const { write, untilSees, failures, views, stat, path } = await startFile(listOf(one), { format });
    await untilSees(one);
    write(content);
    await until(() => failures.length > 1, "it fails");
    expect(failures[0]).toContain(`${path}: ${words}`);
    expect(failures[0]).not.toContain("\n");
    expect(new Set(failures).size).toBe(1);
    // Looking again at the same nonsense is no further refusal.
    expect(stat("lists_refused")).toBe(1);
    expect(views).not.toContainEqual([]);
    write(listOf(two));
    await untilSees(two);
  });

  test("that is too large is not read", async () => {
    const { failures } = await startFile(listOf(one, two), { limits: { bytesMax: 10 } });
    await until(() => failures.length > 0, "it fails");
    expect(failures[0]).toContain("larger than 10 bytes");
  });

  test.each([
    ["a folder", (path: string) => void mkdirSync(path), "it is a folder"],
    ["a pipe", (path: string) => void execFileSync("mkfifo", [path]), "it is no file"],
    ["a link to itself", (path: string) => symlinkSync(path, path), "its links lead nowhere"],
  ])("is not %s", async (_what, make, words) => {
    const path = join(makeFolder(), "nodes.json");
    make(path);
    const { failures } = await startStrategy(file({ path, timing: polled }));
    await until(() => failures.length > 0, "it fails");
    expect(failures[0]).toContain(words);
  });
});

describe("a change of the file is noticed", () => {
  test("when it is written over, replaced by a rename, deleted and written anew", async () => {
    const { path, write, untilSees, failures, views } = await startFile(listOf(one), { timing: watched });
    await untilSees(one);
    write(listOf(one, two));
    await untilSees(one, two);
    writeFileSync(`${path}.new`, listOf(three));
    renameSync(`${path}.new`, path);
    await untilSees(three);
    rmSync(path);
    await until(() => failures.length > 0, "its absence is a failure");
    expect(failures[0]).toContain("there is no such file");
    write(listOf(one));
    await untilSees(one);
    expect(views).not.toContainEqual([]);
  });

  test("when the link beside it is turned over, as Kubernetes updates a config map", async () => {
    const folder = makeFolder();
    const publish = (version: string, content: string) => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "nodes.json"), content);
      symlinkSync(version, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    publish("..1", listOf(one));
    symlinkSync("..data/nodes.json", join(folder, "nodes.json"));
    const { untilSees, failures } = await startStrategy(
      file({ path: join(folder, "nodes.json"), timing: watched }),
    );
    await untilSees(one);
    publish("..2", listOf(two));
    rmSync(join(folder, "..1"), { recursive: true });
    await untilSees(two);
    publish("..3", listOf(two, three));
    await untilSees(two, three);
    expect(failures).toEqual([]);
  });

  test("when its folder comes only later, goes, and comes again", async () => {
    const folder = join(makeFolder(), "later");
    const path = join(folder, "nodes.json");
    const { untilSees, failures } = await startStrategy(file({ path, timing: polled }));
    await until(() => failures.length > 0, "its absence is a failure");
    for (const host of [one, two]) {
      mkdirSync(folder);
      writeFileSync(path, listOf(host));
      await untilSees(host);
      rmSync(folder, { recursive: true });
    }
    await until(() => failures.length > 1, "its absence is a failure again");
  });

  test("and however many there are, one look in settleMs follows", async () => {
    const { path, untilSees, stat } = await startFile(listOf(one), { timing: watched });
    await untilSees(one);
    for (let i = 0; i < 200; i++) writeFileSync(`${path}.${i}`, "");
    await until(() => stat("changes_noticed") >= 200, "the changes are noticed");
    expect(stat("readings")).toBeLessThan(200);
  });
});

describe("on a driven clock", () => {
  async function start(content: string, limits: FileOptions["limits"] = {}) {
    const clock = new FakeClock();
    const path = join(makeFolder(), "nodes.yaml");
    writeFileSync(path, content);
    const timing = { periodMs: 1_000_000, settleMs: 100 };
    const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
    const started = await startStrategy(file({ path, timing, limits }), { clock, random });
    /** Writes, and waits until that was read; time stands still. */
    const read = (times: number) =>
      until(() => started.stat("readings") >= times, `it is read ${times} times`);
    return { clock, path, read, ...started };
  }

  test("a half-written file is not believed, though it is a list", async () => {
    const { clock, path, read, views } = await start("- 10.0.0.1:7000\n- 10.0.0.2:70");
    await read(1);
    writeFileSync(path, `- ${one}\n- ${two}\n`);
    await clock.advance(100);
    await read(2);
    expect(views).toEqual([]);
    await clock.advance(100);
    await until(() => views.length > 0, "it sees the whole list");
    expect(views).toEqual([[one, two]]);
  });

  test("a file that changes all the time is a failed look", async () => {
    const { clock, path, read, views, failures } = await start("- a:1\n", { readingsMax: 3 });
    for (let times = 1; times <= 3; times++) {
      await read(times);
      writeFileSync(path, `- a:${times + 1}\n`);
      await clock.advance(100);
    }
    await until(() => failures.length > 0, "the look fails");
    expect([views, failures]).toEqual([[], [expect.stringContaining("it changes all the time")]]);
  });

  test("the stop in the midst of a look leaves no timer and reports nothing", async () => {
    const { clock, read, strategy, reports } = await start(`- ${one}\n`);
    await read(1);
    await strategy.stop();
    await until(() => clock.pending === 0, "no timer is left");
    expect(reports).toEqual([]);
  });
});

test("YAML without its library is refused at the start, which says what to install", async () => {
  vi.doMock("yaml", () => {
    throw new Error("Cannot find package");
  });
  onTestFinished(() => void vi.doUnmock("yaml"));
  const started = startStrategy(file({ path: join(makeFolder(), "nodes.yml") }));
  await expect(started).rejects.toEqual(
    expect.objectContaining({
      code: "discovery_start_failed",
      message: expect.stringContaining("npm install yaml"),
    }),
  );
});

test.each<[Partial<FileOptions>, string]>([
  [{ path: "" }, "path"],
  // What is not typed can be anything.
  [{ format: "toml" as "json" }, "format"],
  [{ timing: { settleMs: 0 } }, "settleMs"],
  [{ limits: { bytesMax: 1.5 } }, "bytesMax"],
])("file with %j is refused", (options, words) => {
  expect(() => file({ path: "nodes.json", ...options })).toThrow(
    expect.objectContaining({ code: "discovery_config_invalid", message: expect.stringContaining(words) }),
  );
});
