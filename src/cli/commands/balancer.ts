import { writeFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BalancerServer } from "../../contracts/balancer.js";
import type { Address } from "../../contracts/network.js";
import { parsePeerText } from "../../core/cluster/peer-text.js";
import { findHaproxy, hasPrometheus } from "../../edges/balancer/haproxy/binary.js";
import { checkConfig } from "../../edges/balancer/haproxy/process.js";
import { type ProductionSettings, productionConfig } from "../../edges/balancer/haproxy/production-config.js";
import { SimurghError } from "../../runtime/errors.js";
import { wholeNumber } from "../options.js";

interface HaproxyOptions {
  readonly out?: string;
  readonly nodes: readonly BalancerServer[];
  readonly host: string;
  readonly port?: number;
  readonly cert?: string;
  readonly connections: number;
  readonly nodeConnections: number;
  readonly tunnelTimeout: number;
  readonly sourceConnections: number;
  readonly sourceConnectionRate: number;
  readonly sourceRequestRate: number;
  readonly metrics: Address;
  readonly socket: string;
  readonly agentPort?: number;
  readonly check: boolean;
}

const help = `
The config is for HAProxy 2.6 or newer; each line says why it is there. Without --nodes it has none: add them at run
time by its socket. With --out the haproxy of this machine, if there is one, judges the file.

  simurgh balancer haproxy --nodes n1@10.0.0.1:4000,n2@10.0.0.2:4000 --cert /etc/haproxy/site.pem --out haproxy.cfg`;

const weight = 100;
/** Two heartbeats of a client. */
const twoHeartbeatsS = 60;

/** Adds `simurgh balancer`. */
export function addBalancer(program: Command, onExitCode: (code: number) => void): void {
  const balancer = program
    .command("balancer")
    .summary("write the config of a front door")
    .description("Writes the config of a front door for nodes that run elsewhere.");
  const count = (flags: string, about: string, byDefault: number) =>
    new Option(flags, about).default(byDefault).argParser(wholeNumber(1, 10_000_000));
  balancer
    .command("haproxy")
    .summary("a config for HAProxy")
    .description("Prints a config for HAProxy, fit for production.")
    .option("--out <file>", "write it there (default: print it)")
    .addOption(
      new Option("--nodes <list>", "name@host:port of each node's HTTP, with commas between them")
        .default([], "none")
        .argParser(nodeList),
    )
    .option("--host <host>", "the address at which clients come in; :: is all, of both families", "0.0.0.0")
    .addOption(
      new Option("--port <port>", "its port (default: 443 with --cert, else 80)").argParser(
        wholeNumber(1, 65_535),
      ),
    )
    .option("--cert <file>", "PEM file of the certificate chain and its key", fileName)
    .addOption(count("--connections <n>", "clients at a time", 20_000))
    .addOption(count("--node-connections <n>", "connections that one node may hold, in each pool", 10_000))
    .addOption(
      new Option("--tunnel-timeout <seconds>", "how long a WebSocket may be silent, above two heartbeats")
        .default(120)
        .argParser(wholeNumber(twoHeartbeatsS + 1, 86_400)),
    )
    .addOption(count("--source-connections <n>", "connections of one client address", 1_000))
    .addOption(count("--source-connection-rate <n>", "new connections of one client address in 10 s", 500))
    .addOption(count("--source-request-rate <n>", "requests of one client address in 10 s", 2_000))
    .addOption(
      new Option("--metrics <host:port>", "where Prometheus reads")
        .default({ host: "127.0.0.1", port: 8_405 }, "127.0.0.1:8405")
        .argParser(address),
    )
    .option("--socket <file>", "HAProxy's runtime socket", fileName, "/run/haproxy/admin.sock")
    .addOption(
      new Option("--agent-port <port>", "the nodes' --agent-port, if they have one").argParser(
        wholeNumber(1, 65_535),
      ),
    )
    .option("--no-check", "do not have the file judged")
    .addHelpText("after", help)
    .action(async (options: HaproxyOptions, command: Command) => {
      if (!isHost(options.host)) command.error("error: --host is no address");
      onExitCode(await write(options));
    });
}

async function write(options: HaproxyOptions): Promise<number> {
  const { out, check } = options;
  const found = await findHaproxy(process.env.PATH ?? "");
  const isBuiltIn = typeof found === "string" || (await hasPrometheus(found.path));
  const text = productionConfig(settingsOf(options, isBuiltIn));
  if (out === undefined) {
    process.stdout.write(text);
    return 0;
  }
  await writeFile(out, text).catch((cause: Error) => {
    throw new SimurghError("balancer_config_unwritten", cause.message, { cause });
  });
  if (!check) return 0;
  if (typeof found === "string") {
    process.stderr.write(`simurgh: ${out} was not judged, as ${found}\n`);
    return 0;
  }
  const complaint = await checkConfig(found.path, out);
  if (complaint === undefined) return 0;
  process.stderr.write(
    `simurgh: HAProxy ${found.version} does not take ${out} on this machine:\n${complaint}\n`,
  );
  return 1;
}

function settingsOf(options: HaproxyOptions, hasExporter: boolean): ProductionSettings {
  const { cert, port = cert === undefined ? 80 : 443 } = options;
  return {
    door: { host: options.host, port },
    certificate: cert,
    servers: options.nodes,
    connectionsMax: options.connections,
    serverConnectionsMax: options.nodeConnections,
    tunnelTimeoutS: options.tunnelTimeout,
    sourceConnectionsMax: options.sourceConnections,
    sourceConnectionRateMax: options.sourceConnectionRate,
    sourceRequestRateMax: options.sourceRequestRate,
    metrics: hasExporter ? options.metrics : undefined,
    socketPath: options.socket,
    agentPort: options.agentPort,
  };
}

function nodeList(text: string): BalancerServer[] {
  const nodes = text.split(",").map((item) => {
    const parsed = parsePeerText(item.trim());
    if (parsed === undefined || !isHost(parsed.host)) {
      throw new InvalidArgumentError(`A node must be name@host:port, not ${JSON.stringify(item)}.`);
    }
    const { host, port, name } = parsed;
    const whole = name === undefined ? `${host}:${port}` : `${name}@${host}`;
    return { name: whole, address: { host, port }, weight };
  });
  const twice = nodes.find(({ name }, index) => nodes.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new InvalidArgumentError(`${twice.name} is there twice.`);
  return nodes;
}

function address(text: string): Address {
  const parsed = parsePeerText(text);
  if (parsed === undefined || parsed.name !== undefined || !isHost(parsed.host)) {
    throw new InvalidArgumentError("It must be host:port, or [ipv6]:port.");
  }
  return { host: parsed.host, port: parsed.port };
}

/** A file's name goes into a config of lines. */
function fileName(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are looked for
  if (text !== "" && !/[\u0000-\u001f]/.test(text)) return text;
  throw new InvalidArgumentError("It must be the name of a file.");
}

function isHost(text: string): boolean {
  return /^[\w.-]+$/.test(text) || /^[0-9a-fA-F:.]+$/.test(text);
}
