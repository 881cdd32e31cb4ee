import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs that tests start and Node does not bring: the name of each binary and Debian's package for it. */
export const serverPackages = /** @type {const} */ ({
  haproxy: "haproxy",
  chromium: "chromium",
  "nats-server": "nats-server",
  "redis-server": "redis-server",
  dnsmasq: "dnsmasq-base",
  ip: "iproute2",
  iptables: "iptables",
  openssl: "openssl",
});

/** Folders of system programs that are often missing from the PATH of a user who is not root. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * The full path of a program, or undefined when this machine has none.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders, ...systemFolders].map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Names of the test programs that this machine lacks. */
export function missingServers() {
  return Object.keys(serverPackages).filter((name) => findProgram(name) === undefined);
}
