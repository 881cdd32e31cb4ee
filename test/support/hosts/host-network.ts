import { findProgram } from "../../../scripts/lib/servers.mjs";
import { isRunning } from "../program.js";
import { runCommand } from "./command.js";

const ip = findProgram("ip") ?? "ip";
const iptablesRestore = findProgram("iptables-restore") ?? "iptables-restore";

/** Names of namespaces: `simurgh-<pid of the test>-<which network>-<host>`. */
const ours = /^simurgh-(\d+)-\S+/;

/** One host of a {@link HostNetwork}: a network namespace with one cable to the switch. */
export interface Host {
  /** `h1`, `h2`, … */
  readonly label: string;
  readonly address: string;
  readonly namespace: string;
}

/** What goes wrong at the entrance of a host. */
interface Faults {
  /** Hosts from which nothing arrives. */
  readonly deaf: Set<Host>;
  /** Share of all arriving packets that is lost. */
  loss: number;
}

let networks = 0;

/** Namespaces of tests that are over, by whatever end, are removed with all that runs in them. */
async function sweep(): Promise<void> {
  const listing = await runCommand(ip, ["netns", "list"]);
  for (const line of listing.split("\n")) {
    const [name = "", pid = ""] = ours.exec(line) ?? [];
    if (name === "" || isRunning(Number(pid))) continue;
    const inside = await runCommand(ip, ["netns", "pids", name]);
    for (const left of inside.split("\n").filter(Boolean)) {
      // It may have ended by itself meanwhile.
      if (isRunning(Number(left))) process.kill(Number(left), "SIGKILL");
    }
    await runCommand(ip, ["netns", "del", name]);
  }
}

/**
 * Hosts with cables to one switch, which is a bridge in a namespace of its own. Nothing of it touches the network of
 * this machine, so every network may have the same addresses: 10.77.0.0/24, the switch's being the last.
 */
export class HostNetwork {
  readonly #prefix: string;
  readonly #hosts = new Map<string, Host>();
  readonly #faults = new Map<Host, Faults>();
  /** Where the switch is, with an address of its own: for servers that belong to no host. */
  readonly hub: Host;

  private constructor(prefix: string) {
    this.#prefix = prefix;
    this.hub = { label: "hub", address: "10.77.0.254", namespace: `${prefix}-hub` };
  }

  /** Makes a network with that many hosts. */
  static async open(hosts: number): Promise<HostNetwork> {
    await sweep();
    networks += 1;
    const network = new HostNetwork(`simurgh-${process.pid}-${networks}`);
    try {
      await network.#makeHub();
      for (let n = 1; n <= hosts; n++) await network.#makeHost(n);
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  /** A host by its number, counted from 1. */
  host(n: number): Host {
    const host = this.#hosts.get(`h${n}`);
    if (host === undefined) throw new Error(`there is no host h${n}`);
    return host;
  }

  /** The command that runs another one on a host. */
  static within(host: Host, command: string, args: readonly string[]): [string, string[]] {
    return [ip, ["netns", "exec", host.namespace, command, ...args]];
  }

  /** From now on nothing of `from` arrives at any host of `at`. What they send the other way does. */
  async cut(from: readonly Host[], at: readonly Host[]): Promise<void> {
    for (const host of at) for (const other of from) this.#faultsOf(host).deaf.add(other);
    await this.#apply(at);
  }

  /** Nothing passes between the two sides, either way. */
  async part(left: readonly Host[], right: readonly Host[]): Promise<void> {
    for (const host of left) for (const other of right) this.#faultsOf(host).deaf.add(other);
    await this.cut(left, right);
    await this.#apply(left);
  }

  /** A share of all packets that arrive at these hosts is lost, by chance. */
  async lose(share: number, at: readonly Host[]): Promise<void> {
    for (const host of at) this.#faultsOf(host).loss = share;
    await this.#apply(at);
  }

  /** Ends what `cut`, `part` and `lose` began. */
  async heal(): Promise<void> {
    const ill = [...this.#faults.keys()];
    this.#faults.clear();
    await this.#apply(ill);
  }

  /** Pulls the cable of a host out of the switch, or puts it back. */
  async plug(host: Host, plugged: boolean): Promise<void> {
    await this.#atHub("link", "set", host.label, plugged ? "up" : "down");
  }

  /** Removes everything. Whatever runs on the hosts must have ended. */
  async close(): Promise<void> {
    const listing = await runCommand(ip, ["netns", "list"]);
    const names = listing.split("\n").map((line) => line.split(" ")[0] ?? "");
    for (const name of names) {
      if (name.startsWith(`${this.#prefix}-`)) await runCommand(ip, ["netns", "del", name]);
    }
  }

  #atHub(...args: readonly string[]): Promise<string> {
    return runCommand(ip, ["-n", this.hub.namespace, ...args]);
  }

  async #makeHub(): Promise<void> {
    const { namespace, address } = this.hub;
    await runCommand(ip, ["netns", "add", namespace]);
    // A bridge that looks into multicast needs somebody to ask for it; a plain switch passes it to everybody.
    await this.#atHub("link", "add", "switch", "type", "bridge", "mcast_snooping", "0");
    await this.#atHub("addr", "add", `${address}/24`, "dev", "switch");
    await this.#atHub("link", "set", "switch", "up");
    await this.#atHub("link", "set", "lo", "up");
  }

  async #makeHost(n: number): Promise<void> {
    const label = `h${n}`;
    const host: Host = { label, address: `10.77.0.${n}`, namespace: `${this.#prefix}-${label}` };
    await runCommand(ip, ["netns", "add", host.namespace]);
    this.#hosts.set(label, host);
    const { namespace: hub } = this.hub;
    const cable = ["cable", "netns", host.namespace, "type", "veth", "peer", "name", label, "netns", hub];
    await runCommand(ip, ["link", "add", ...cable]);
    await this.#atHub("link", "set", label, "master", "switch", "up");
    const atHost = (...args: readonly string[]) => runCommand(ip, ["-n", host.namespace, ...args]);
    await atHost("addr", "add", `${host.address}/24`, "dev", "cable");
    await atHost("link", "set", "cable", "up");
    await atHost("link", "set", "lo", "up");
  }

  #faultsOf(host: Host): Faults {
    const faults = this.#faults.get(host) ?? { deaf: new Set(), loss: 0 };
    this.#faults.set(host, faults);
    return faults;
  }

  /** Each host's rules change in one step. */
  async #apply(hosts: readonly Host[]): Promise<void> {
    await Promise.all(
      hosts.map((host) => {
        const { deaf = new Set<Host>(), loss = 0 } = this.#faults.get(host) ?? {};
        const rules = [...deaf].map(({ address }) => `-A INPUT -s ${address} -j DROP`);
        if (loss > 0)
          rules.push(`-A INPUT -i cable -m statistic --mode random --probability ${loss} -j DROP`);
        return runCommand(
          ...HostNetwork.within(host, iptablesRestore, []),
          ["*filter", ":INPUT ACCEPT [0:0]", ...rules, "COMMIT", ""].join("\n"),
        );
      }),
    );
  }
}

/** Why this process cannot make a {@link HostNetwork}; undefined when it can. */
export async function whyNoNetwork(): Promise<string | undefined> {
  try {
    const network = await HostNetwork.open(1);
    try {
      await network.lose(0.5, [network.host(1)]);
      await runCommand(...HostNetwork.within(network.host(1), process.execPath, ["--version"]));
    } finally {
      await network.close();
    }
    return undefined;
  } catch (error) {
    const [first, second] = String(error instanceof Error ? error.message : error).split("\n");
    return `${first}${second ? ` (${second})` : ""}`;
  }
}
