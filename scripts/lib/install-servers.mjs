import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { run } from "./run.mjs";
import { missingServers, serverPackages } from "./servers.mjs";

const policyFile = "/usr/sbin/policy-rc.d";
const installLimitMs = 300_000;

/** Whether this is Debian and we may install: root, with apt-get. */
function mayInstall() {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get") || !existsSync("/etc/os-release"))
    return false;
  return /^ID="?debian"?$/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** @param {readonly string[]} args */
function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"];
  return run("apt-get", [...options, ...args], { env, limitMs: installLimitMs });
}

/**
 * Installs what tests need and this machine lacks, where it may. Packages do not start their services meanwhile,
 * so none takes a port or runs on afterwards.
 * @returns {Promise<{ missing: string[], advice: string }>} what is missing still, and why
 */
export async function installServers() {
  const wanted = missingServers();
  if (wanted.length === 0) return { missing: [], advice: "" };
  const packages = wanted.map((name) => serverPackages[/** @type {keyof typeof serverPackages} */ (name)]);
  if (!mayInstall()) {
    return { missing: wanted, advice: `to install on Debian: apt-get install ${packages.join(" ")}` };
  }
  const policyOurs = !existsSync(policyFile);
  const removePolicy = () => rmSync(policyFile, { force: true });
  if (policyOurs) {
    process.once("exit", removePolicy);
    writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  }
  try {
    return await installPackages(packages);
  } finally {
    if (policyOurs) {
      removePolicy();
      process.off("exit", removePolicy);
    }
  }
}

/** @param {readonly string[]} packages */
async function installPackages(packages) {
  const update = await aptGet(["update"]);
  let output = update.code === 0 ? "" : update.output;
  const together = await aptGet(["install", ...packages]);
  if (together.code !== 0) {
    // One package that cannot be had must not cost us the others.
    for (const name of packages) {
      const alone = await aptGet(["install", name]);
      if (alone.code !== 0) output += alone.output;
    }
  }
  const missing = missingServers();
  return { missing, advice: missing.length === 0 ? "" : `apt-get failed:\n${output}` };
}
