import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram } from "../program.js";
import { imageStages, lastOf, type Step } from "./dockerfile.js";
import { isIgnored } from "./ignore.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** The folder in which images of ours keep everything; each stage has one of its own in its place. */
const home = "/srv";

/** What a container is started from. */
export interface Image {
  /** What is at {@link home}. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** `uid:gid` */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly health: readonly string[];
}

interface Stage {
  readonly name: string;
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly args: Record<string, string>;
  workdir: string;
  user: string;
}

/**
 * Does what the Dockerfile says, without containers: each stage gets a folder that stands in for its `/srv`, and its
 * commands run with that folder mounted there. Everything else of the base image is this machine's. `npm ci` is done
 * by linking the packages that are installed here, from the same lock file, unless `install` is true.
 */
export async function buildImage(folder: string, install: boolean): Promise<Image> {
  const stages: Stage[] = [];
  const steps = imageStages();
  for (const [index, instructions] of steps.entries()) {
    const [, name = `${index}`] = / AS (\w+)$/i.exec(instructions[0]?.text ?? "") ?? [];
    const stage: Stage = { name, folder: join(folder, name), env: {}, args: {}, workdir: "/", user: "0:0" };
    mkdirSync(stage.folder, { recursive: true });
    stages.push(stage);
    for (const step of instructions) await perform(step, stage, stages, install);
  }
  const [last, instructions] = [stages.at(-1), steps.at(-1)];
  if (last === undefined || instructions === undefined) throw new Error("no stage");
  const words = (keyword: string) => {
    const { words: found, text } = lastOf(instructions, keyword);
    if (found === undefined) throw new Error(`${keyword} would start a shell: ${text}`);
    return found;
  };
  return {
    folder: last.folder,
    env: last.env,
    workdir: last.workdir,
    user: last.user,
    entrypoint: words("ENTRYPOINT"),
    command: words("CMD"),
    health: words("HEALTHCHECK"),
  };
}

async function perform(step: Step, stage: Stage, stages: readonly Stage[], install: boolean): Promise<void> {
  switch (step.keyword) {
    case "ENV":
      return void Object.assign(stage.env, assignments(step.text));
    case "ARG":
      return void Object.assign(stage.args, assignments(step.text));
    case "WORKDIR":
      stage.workdir = step.text.replace(/\$\{(\w+)\}/g, (_whole, name: string) => stage.args[name] ?? "");
      return void mkdirSync(inside(stage, stage.workdir), { recursive: true });
    case "USER":
      stage.user = step.text;
      return;
    case "COPY":
      return copy(step, stage, stages);
    case "RUN":
      if (step.text.startsWith("npm ci ") && !install) return linkPackages(inside(stage, stage.workdir));
      return run(stage, step.text);
    case "FROM":
    case "EXPOSE":
    case "STOPSIGNAL":
    case "HEALTHCHECK":
    case "ENTRYPOINT":
    case "CMD":
      return;
    default:
      throw new Error(`what ${step.keyword} does is not known here`);
  }
}

/** `A=1 B=2` */
const assignments = (text: string) => Object.fromEntries(text.split(" ").map((word) => word.split("=", 2)));

/** Where a path of a stage is. */
function inside(stage: Stage, path: string): string {
  const absolute = join(stage.workdir, path.startsWith("/") ? relative(stage.workdir, path) : path);
  if (absolute !== home && !absolute.startsWith(`${home}/`)) throw new Error(`${path} is not in ${home}`);
  return join(stage.folder, absolute.slice(home.length));
}

function copy(step: Step, stage: Stage, stages: readonly Stage[]): void {
  const [source = "", target = ""] = step.text.split(" ");
  const from = step.flags.get("from");
  if (from === undefined) {
    if (source !== ".") throw new Error(`only the whole context is copied here, not ${source}`);
    const filter = (path: string) => !isIgnored(relative(root, path));
    // One by one, as the stage itself may lie in the context.
    for (const name of readdirSync(root).filter((one) => !isIgnored(one))) {
      const options = { recursive: true, filter, verbatimSymlinks: true };
      cpSync(join(root, name), join(inside(stage, target), name), options);
    }
    return;
  }
  const origin = stages.find(({ name }) => name === from);
  if (origin === undefined) throw new Error(`no stage ${from}`);
  // Links instead of copies are as good, as nobody writes any more.
  cpSync(inside(origin, source), inside(stage, target), { recursive: true, verbatimSymlinks: true });
}

/** Puts the packages that are installed here into a folder. */
async function linkPackages(folder: string): Promise<void> {
  const program = startProgram("cp", ["-al", join(root, "node_modules"), folder]);
  const { code } = await program.ended;
  if (code !== 0) throw new Error(program.stderr);
  // npm writes into this one, which must not reach what is installed here.
  const listing = join(folder, "node_modules/.package-lock.json");
  if (!existsSync(listing)) return;
  const text = readFileSync(listing);
  await startProgram("rm", [listing]).ended;
  writeFileSync(listing, text);
}

/** Runs a command of a stage as root in a mount namespace of its own. */
async function run(stage: Stage, command: string): Promise<void> {
  const script = `mount --bind "$1" ${home} && cd "$2" && exec sh -c "$3"`;
  const place = ["--mount", "sh", "-ec", script, "sh", stage.folder, stage.workdir, command];
  const program = startProgram("unshare", place, { ...stage.env, PATH: path() });
  const { code } = await program.ended;
  if (code !== 0) throw new Error(`${command}\n${program.stdout}${program.stderr}`);
}

/** Programs of this machine stand in for those of the base image. */
export const path = (): string => `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`;
