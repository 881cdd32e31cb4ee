import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import { type LogLevel, lineLogger } from "../../edges/system/logger.js";
import { brokerNeeds, type EngineChoice, engineOption } from "../engine/choice.js";
import { secretVariable } from "../fleet/messages.js";
import { type DiscoverChoice, discoverOption } from "../node/discover-option.js";
import { runNode } from "../node/run-node.js";
import { logLevelOption, nodeName, peerList, portOption, wholeNumber } from "../options.js";
import { lineWriter } from "../support/lines.js";
import { loopback } from "../support/ports.js";

interface NodeCommandOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly meshPort?: number;
  readonly peers: readonly string[];
  readonly discover: readonly DiscoverChoice[];
  readonly engine: EngineChoice;
  readonly secretEnv: string;
  readonly drainTimeout: number;
  readonly agentPort?: number;
  readonly agentMaxconn?: number;
  readonly logLevel: LogLevel;
}

const help = `
Without peers, --discover and a mesh port a node of the mesh is alone. With any of them it links itself with the others;
all of them must have the same secret, of 16 bytes or more, in the environment.

With --discover a node needs no name and no port: it makes up the one and takes a free other. Gossip reaches the nodes
that listen at the same network: with the default --host those of this machine.

With --engine nats or redis the nodes are joined by the server at ${brokerNeeds.nats.variable} or ${brokerNeeds.redis.variable}, by default one on this
machine; peers and mesh port are of no use then.

SIGTERM or Ctrl-C sends the clients away to other nodes, then ends the node; a second one ends it at once.

  export ${secretVariable}=$(openssl rand -base64 32)
  PORT=4001 simurgh node ./app.js --name n1@127.0.0.1 --mesh-port 7101
  PORT=4002 simurgh node ./app.js --name n2@127.0.0.1 --peers n1@127.0.0.1:7101

  simurgh node ./app.js --discover gossip    # as often as you like`;

/** Adds `simurgh node`. */
export function addNode(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("node")
    .summary("run one node")
    .description("Runs an application as one node.")
    .argument("[app]", "the application's module", "./app.js")
    .addOption(
      new Option("--name <name>", "the node's name, unique in its cluster")
        .default(`n1@${loopback}`)
        .argParser(nodeName),
    )
    .addOption(portOption("the port that it serves at; 0 takes a free one"))
    .option("--host <host>", "the address that it serves at, and its mesh too", loopback)
    .addOption(
      new Option("--peers <list>", "other nodes, as name@host:port of their mesh, with commas between them")
        .default([], "none")
        .argParser(peerList),
    )
    .addOption(discoverOption())
    .addOption(
      new Option(
        "--mesh-port <port>",
        "the port at which other nodes reach it (default: a free one)",
      ).argParser(wholeNumber(0, 65_535)),
    )
    .addOption(engineOption("what joins it with others; nats and redis take NATS_URL or REDIS_URL"))
    .option(
      "--secret-env <variable>",
      "the environment variable that holds the cluster's secret",
      secretVariable,
    )
    .addOption(
      new Option("--drain-timeout <seconds>", "how long its clients may take to be sent away")
        .default(30)
        .argParser(wholeNumber(0, 86_400)),
    )
    .addOption(
      new Option(
        "--agent-port <port>",
        "where HAProxy's agent check hears how the node is: weight, drain, maxconn",
      ).argParser(wholeNumber(0, 65_535)),
    )
    .addOption(
      new Option(
        "--agent-maxconn <n>",
        "the connections that the node asks a balancer for at most",
      ).argParser(wholeNumber(1, 10_000_000)),
    )
    .addOption(logLevelOption())
    .addHelpText("after", help)
    .action(async (app: string, options: NodeCommandOptions, command: Command) => {
      onExitCode(await node(app, options, command));
    });
}

function node(app: string, options: NodeCommandOptions, command: Command): Promise<number> {
  const { host, meshPort, peers, discover, engine, secretEnv, drainTimeout, logLevel } = options;
  const secret = process.env[secretEnv];
  const isLinked = peers.length > 0 || discover.length > 0 || meshPort !== undefined;
  if (isLinked && (secret === undefined || secret === "")) {
    command.error(
      `error: a node with peers, --discover or a mesh port needs the cluster's secret in ${secretEnv}`,
    );
  }
  const isDefault = (option: string) => command.getOptionValueSource(option) === "default";
  const isFound = discover.length > 0;
  const err = lineWriter(process.stderr);
  return runNode({
    app,
    name: isFound && isDefault("name") ? `n${randomBytes(4).toString("hex")}@${host}` : options.name,
    host,
    port: isFound && isDefault("port") ? 0 : options.port,
    meshPort,
    peers,
    discover: discover.map(({ strategy }) => strategy),
    engine,
    secret,
    drainMsMax: drainTimeout * 1_000,
    agentPort: options.agentPort,
    agentConnectionsMax: options.agentMaxconn,
    logger: lineLogger({ level: logLevel, write: (line) => err(line.trimEnd()) }),
    out: lineWriter(process.stdout),
  });
}
