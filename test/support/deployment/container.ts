import { readFileSync } from "node:fs";
import { descendants, type Ended, isRunning, type Program, startProgram } from "../program.js";
import { until } from "../wait.js";
import { type Image, path } from "./image.js";

/** Whatever may be a mount of its own, and is to be read-only, too. */
const folders = "/ /srv /tmp /var/tmp /dev/shm /run";

/** Everything that a container must not have: root, capabilities, ways to get them back. */
const asUser = (user: string) => {
  const [uid, gid] = user.split(":");
  const nothing = ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"];
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...nothing];
};

/** What a container engine would run, as far as namespaces go: process, mounts, user; the network is this machine's. */
export interface Container {
  readonly program: Program;
  /** Of its first process, as this machine sees it. */
  readonly pid: number;
  /** Runs a command in it, as `docker exec` does. */
  /** Its folder is the root. */
  exec(words: readonly string[]): Promise<Ended & { readonly output: string }>;
  kill(): Promise<void>;
}

/** Starts a container of an image; `command` takes the place of the image's own. */
export async function startContainer(
  image: Image,
  given: Readonly<Record<string, string>>,
  command: readonly string[] = image.command,
): Promise<Container> {
  const env = Object.entries({ PATH: path(), ...image.env, ...given }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const script = [
    'mount --bind "$1" /srv',
    `for folder in ${folders}; do mount -o remount,bind,ro "$folder" 2>/dev/null || true; done`,
    'cd "$2"; shift 2; exec "$@"',
  ].join("\n");
  const namespaces = ["--mount", "--pid", "--fork", "--mount-proc"];
  const shell = ["sh", "-ec", script, "sh", image.folder, image.workdir];
  const inside = ["env", "-i", ...env, ...asUser(image.user), ...image.entrypoint, ...command];
  const program = startProgram("unshare", [...namespaces, ...shell, ...inside]);
  const pid = await until(() => descendants(program.pid)[0], "the first process of the container");
  const exec = async (words: readonly string[]) => {
    const place = ["--target", `${pid}`, "--mount", "--pid"];
    const one = startProgram("nsenter", [...place, "env", "-i", ...env, ...asUser(image.user), ...words]);
    const ended = await one.ended;
    return { ...ended, output: one.stdout + one.stderr };
  };
  const kill = async () => {
    // The first process takes all others with it; the program outside ends because of that.
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
    await program.ended;
  };
  return { program, pid, exec, kill };
}

/** What the system says of a process, by its name there: `Uid`, `CapEff`, `NSpid`. */
export function statusOf(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return new RegExp(`^${field}:\\s*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
}

/** Why such containers cannot be had here; undefined: they can. */
export async function whyNoContainers(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux";
  const words = ["--mount", "--pid", "--fork", "--mount-proc", "sh", "-ec"];
  const script = `mount --bind /srv /srv; exec ${asUser("1000:1000").join(" ")} ${process.execPath} -e 0`;
  const program = startProgram("unshare", [...words, script]);
  program.child.on("error", () => {});
  const { code } = await program.ended;
  return code === 0 ? undefined : program.stderr.trim().split("\n").at(-1) || `unshare ends with ${code}`;
}
