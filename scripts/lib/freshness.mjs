import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const stampFile = ".simurgh/built";
/** Folders that are made, not written. */
const made = new Set(["dist", "node_modules"]);
const inputs = ["package-lock.json", "tsconfig.base.json", "tsconfig.json", "scripts/build.mjs", "src"];

/** Folders of the consumers of the package that are built with it. */
export function consumers() {
  const examples = existsSync("examples")
    ? readdirSync("examples").map((name) => join("examples", name))
    : [];
  return ["bench", ...examples].filter(
    (folder) => existsSync(join(folder, "tsconfig.json")) || existsSync(join(folder, "build.mjs")),
  );
}

/**
 * @param {string} path a file or folder
 * @returns {string[]} all files in it, in a fixed order
 */
function filesOf(path) {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (made.has(entry.name)) return [];
    const below = join(path, entry.name);
    return entry.isDirectory() ? filesOf(below) : [below];
  });
}

/** A fingerprint of everything that the build is made from. */
function fingerprint() {
  const hash = createHash("sha256");
  const folders = ["src", ...consumers()];
  const files = [...inputs.filter((path) => path !== "src"), ...folders.flatMap(filesOf)];
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Whether what is built is what would be built now. */
export function isBuilt() {
  const outputs = ["dist/cli/main.js", ...consumers().map((folder) => join(folder, "dist"))];
  if (![stampFile, ...outputs].every((path) => existsSync(path))) return false;
  return readFileSync(stampFile, "utf8") === fingerprint();
}

/**
 * Runs a build and takes note of what it was made from: of the state before it, so that a file which changes
 * meanwhile makes the build stale.
 * @param {() => Promise<void>} build
 */
export async function buildAndStamp(build) {
  mkdirSync(".simurgh", { recursive: true });
  const before = fingerprint();
  writeFileSync(stampFile, "");
  await build();
  writeFileSync(stampFile, before);
}

const lockFile = "package-lock.json";
/** The lockfile that was installed from; it goes away with what was installed. */
const installedStamp = "node_modules/.simurgh-installed";

const lockFingerprint = () => createHash("sha256").update(readFileSync(lockFile)).digest("hex");

/** Takes note that the packages of the lockfile have been installed. */
export function stampInstalled() {
  writeFileSync(installedStamp, lockFingerprint());
}

/** Whether `node_modules` holds what the lockfile says, by our own note or, installed by hand, by npm's. */
export function isInstalled() {
  if (existsSync(installedStamp) && readFileSync(installedStamp, "utf8") === lockFingerprint()) return true;
  const npmStamp = "node_modules/.package-lock.json";
  return existsSync(npmStamp) && holdsAll(new Map(packagesIn(npmStamp)));
}

/** @param {string} path a lockfile */
const packagesIn = (path) => Object.entries(JSON.parse(readFileSync(path, "utf8")).packages);

/** Packages for other systems are optional, and missing here. */
function holdsAll(/** @type {Map<string, any>} */ installed) {
  return packagesIn(lockFile).every(([path, wanted]) => {
    if (!path.includes("node_modules/") || wanted.optional === true) return true;
    const found = installed.get(path);
    return found !== undefined && found.version === wanted.version && found.integrity === wanted.integrity;
  });
}
