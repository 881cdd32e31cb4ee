import { appendFileSync, existsSync } from "node:fs";
import { findProgram, serverPackages } from "../../scripts/lib/servers.mjs";
import { whyNoContainers } from "./deployment/container.js";
import { whyNoNetwork } from "./hosts/host-network.js";

/** A program that some tests need and Node does not bring. */
export type ServerName = keyof typeof serverPackages;

/** What {@link requireServer} found. */
export interface Server {
  /** Full path of the program; its bare name when it is missing. */
  readonly path: string;
  /** For `describe.skipIf(server.missing)`. */
  readonly missing: boolean;
}

/**
 * Finds a program. A missing one is noted for the report of `npm test`, and its suites are to be skipped; with
 * `CI=true` nothing may be skipped, so it throws instead.
 *
 * ```ts
 * const haproxy = requireServer("haproxy");
 * describe.skipIf(haproxy.missing)("…", () => { spawn(haproxy.path, …) });
 * ```
 */
export function requireServer(name: ServerName): Server {
  const path = findProgram(name);
  if (path !== undefined) return { path, missing: false };
  const reason = `${name} is not installed (Debian package ${serverPackages[name]})`;
  if (process.env.CI === "true") throw new Error(reason);
  return skipped(name, reason);
}

/**
 * Whether this process can make hosts of its own, which takes root and a system that lets it: network namespaces,
 * cables between them, packet filters. Where it cannot, nothing could be installed that would help, so the suites are
 * skipped with `CI=true`, too.
 */
export async function requireHosts(): Promise<Server> {
  const [ip, filter] = [requireServer("ip"), requireServer("iptables")];
  if (ip.missing || filter.missing) return { ...ip, missing: true };
  const reason = await whyNoNetwork();
  return reason === undefined ? ip : skipped("ip", `no network namespaces here: ${reason}`);
}

/**
 * Whether this process can start others as a container engine does, in namespaces of their own. As with hosts, the
 * suites are skipped where the system does not let it.
 */
export async function requireContainers(): Promise<{ readonly missing: boolean }> {
  const reason = await whyNoContainers();
  if (reason !== undefined) note(`no containers here: ${reason}`);
  return { missing: reason !== undefined };
}

/** Finds kubectl. No package of Debian has one that is new enough, so its suites are skipped with `CI=true`, too. */
export function requireKubectl(): { readonly path: string; readonly missing: boolean } {
  const folders = (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  const path = folders.map((folder) => `${folder}/kubectl`).find((one) => existsSync(one));
  if (path === undefined) note("kubectl is not installed, so nobody puts the manifests together");
  return { path: path ?? "kubectl", missing: path === undefined };
}

function skipped(name: ServerName, reason: string): Server {
  note(reason);
  return { path: name, missing: true };
}

function note(reason: string): void {
  const notes = process.env.SIMURGH_SKIP_NOTES;
  if (notes === undefined) console.warn(`skipped: ${reason}`);
  else appendFileSync(notes, `${reason}\n`);
}
