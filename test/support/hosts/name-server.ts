import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, startProgram } from "../program.js";
import { until } from "../wait.js";
import { type Host, HostNetwork } from "./host-network.js";

/** A real dnsmasq that knows nothing but `mesh.test`. */
export class NameServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "simurgh-dns-"));
  readonly #names = join(this.#folder, "hosts");
  readonly #program: Program;

  /** `records`: lines of a hosts file. `services`: `<name>,<target>,<port>` of SRV records. */
  private constructor(path: string, at: Host, records: readonly string[], services: readonly string[]) {
    this.#write(records);
    const options = [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--pid-file=",
      "--log-facility=-",
      "--user=root",
    ];
    const closed = ["--no-resolv", "--no-hosts", "--no-poll", "--local=/test/", "--bind-interfaces"];
    const data = [`--addn-hosts=${this.#names}`, ...services.map((service) => `--srv-host=${service}`)];
    this.#program = startProgram(
      ...HostNetwork.within(at, path, [...options, ...closed, `--listen-address=${at.address}`, ...data]),
    );
  }

  /** Starts it, and waits until it answers. */
  static async start(
    path: string,
    at: Host,
    records: readonly string[],
    services: readonly string[] = [],
  ): Promise<NameServer> {
    const server = new NameServer(path, at, records, services);
    await until(() => server.#program.stderr.includes(server.#names), "dnsmasq has read its names");
    return server;
  }

  /** Other records from now on. */
  change(records: readonly string[]): void {
    this.#write(records);
    this.#program.child.kill("SIGHUP");
  }

  async kill(): Promise<void> {
    this.#program.child.kill("SIGKILL");
    await this.#program.ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(records: readonly string[]): void {
    writeFileSync(this.#names, `${records.join("\n")}\n`);
  }
}
