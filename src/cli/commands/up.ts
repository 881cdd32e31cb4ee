import { type Command, Option } from "commander";
import { type LogLevel, lineLogger } from "../../edges/system/logger.js";
import { SimurghError } from "../../runtime/errors.js";
import { controlPath, makeFleetFolder, removeFleetFolder } from "../control/folder.js";
import { startControl } from "../control/server.js";
import { type EngineChoice, engineOption } from "../engine/choice.js";
import { type ChosenEngine, chooseEngine } from "../engine/choose-engine.js";
import {
  type BalancerChoice,
  balancerChoices,
  chooseBalancer,
  doorAddresses,
  doorUrl,
  reachable,
} from "../fleet/door.js";
import { Fleet } from "../fleet/fleet.js";
import { secretVariable } from "../fleet/messages.js";
import { obey } from "../fleet/orders.js";
import { type DiscoverChoice, discoverOption } from "../node/discover-option.js";
import { requireAppFile } from "../node/load-app.js";
import { logLevelOption, portOption, wholeNumber } from "../options.js";
import { lineWriter } from "../support/lines.js";
import { clientsByOpenFiles } from "../support/open-files.js";
import { freePorts } from "../support/ports.js";
import { type StopSignals, stopSignals } from "../support/stop-signals.js";

interface UpOptions {
  readonly nodes: number;
  readonly balancer: BalancerChoice;
  readonly engine: EngineChoice;
  readonly discover: readonly DiscoverChoice[];
  readonly host: string;
  readonly port: number;
  readonly connectionsMax?: number;
  readonly logLevel: LogLevel;
}

const help = `
The application is a module whose default export makes one node's endpoint:

  export default ({ name, pubsub }) => createEndpoint({ name, pubsub, sockets })

Each node is a process of its own on a free port of this machine, linked with the others. A node that dies is started
again. With --engine nats or redis they send their messages by the server at NATS_URL or REDIS_URL; without, one is
started on this machine, and ends with the fleet. The line "ready http://…" says that every node is ready and the balancer answers. Ctrl-C ends all of it in good
order, a second Ctrl-C at once.

The nodes prove to each other a secret that is made up at random, or taken from ${secretVariable} so that nodes started
by hand can join. With --discover they also find and join nodes of other fleets, which needs that secret; their names are
marked then, so that no two fleets have the same. They listen on loopback only: nodes of other machines are found by
them, and do not find them.`;

const out = lineWriter(process.stdout);

/** Adds `simurgh up`. */
export function addUp(program: Command, onExitCode: (code: number) => void): void {
  program
    .command("up")
    .summary("run several linked nodes behind one door")
    .description("Runs an application as several linked nodes behind one balancer, and keeps them alive.")
    .argument("[app]", "the application's module", "./app.js")
    .addOption(new Option("--nodes <count>", "how many nodes").default(3).argParser(wholeNumber(1, 64)))
    .addOption(
      new Option("--balancer <kind>", "what stands at the door; auto is HAProxy where there is one")
        .choices([...balancerChoices])
        .default("auto"),
    )
    .addOption(
      engineOption("what joins the nodes; nats and redis take NATS_URL or REDIS_URL, or start a server"),
    )
    .addOption(discoverOption())
    .addOption(portOption("the port of the door; 0 takes a free one"))
    .option("--host <host>", "the address of the door; localhost is open to this machine alone", "localhost")
    .addOption(
      new Option(
        "--connections-max <count>",
        "clients at a time (default: half of the open files allowed)",
      ).argParser(wholeNumber(1, 1_000_000)),
    )
    .addOption(logLevelOption())
    .addHelpText("after", help)
    .action(async (app: string, options: UpOptions, command: Command) => {
      if (options.discover.length > 0 && !process.env[secretVariable]) {
        command.error(`error: a fleet with --discover needs the cluster's secret in ${secretVariable}`);
      }
      onExitCode(await up(app, options));
    });
}

async function up(app: string, options: UpOptions): Promise<number> {
  const signals = stopSignals();
  const path = requireAppFile(app);
  const port = await choosePort(options.port);
  const folder = await makeFleetFolder(port);
  let fleet: Fleet | undefined;
  let engine: ChosenEngine | undefined;
  const control = await startControl(controlPath(port), async (request, progress) => {
    if (fleet !== undefined) return obey(fleet, request, progress);
    if (request.command === "nodes") return [];
    throw new SimurghError("fleet_order_refused", "the fleet is about to start");
  });
  try {
    const told = (line: string) => out(`${options.engine} ${line}`);
    engine = await chooseEngine({ choice: options.engine, env: process.env, folder, told });
    fleet = await makeFleet({ ...options, port }, path, folder, engine);
    return await run(fleet, signals, doorUrl(options.host, port));
  } finally {
    await fleet?.stop(signals.second);
    await engine?.stop();
    await control.close();
    await removeFleetFolder(port);
  }
}

async function makeFleet(
  options: UpOptions,
  app: string,
  folder: string,
  engine: ChosenEngine,
): Promise<Fleet> {
  const { nodes: size, logLevel, host, port } = options;
  const addresses = await doorAddresses(host, port);
  const err = lineWriter(process.stderr);
  const { balancer, why } = await chooseBalancer({
    choice: options.balancer,
    addresses,
    connectionsMax: options.connectionsMax ?? clientsByOpenFiles(),
    folder,
    logger: lineLogger({ level: logLevel, write: (line) => err(`balancer | ${line.trimEnd()}`) }),
  });
  out(`${size} nodes of ${app}, engine ${engine.about}, balancer ${balancer.kind} (${why})`);
  const [first = { host, port }] = addresses;
  const secret = process.env[secretVariable];
  const discover = options.discover.map(({ text }) => text);
  const door = reachable(first);
  return new Fleet({ app, size, secret, discover, logLevel, engine, balancer, door, out, err });
}

/** Runs a fleet until it is told to end. */
async function run(fleet: Fleet, signals: StopSignals, url: string): Promise<number> {
  const started = fleet.start().then(() => out(`ready ${url}`));
  const ended = signals.first.then((signal) => out(`${signal}: ending`));
  await Promise.race([started, ended]);
  // When the end comes first, what becomes of the start is of no interest.
  started.catch(() => {});
  await ended;
  return 0;
}

async function choosePort(wanted: number): Promise<number> {
  const [port = wanted] = wanted === 0 ? await freePorts(1) : [];
  return port;
}
