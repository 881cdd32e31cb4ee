import { type Command, Option } from "commander";
import type { AutoscalePolicy } from "../../core/autoscale/policy.js";
import { type LogLevel, lineLogger } from "../../edges/system/logger.js";
import { SimurghError } from "../../runtime/errors.js";
import { controlPath, makeFleetFolder, removeFleetFolder } from "../control/folder.js";
import { startControl } from "../control/server.js";
import { type EngineChoice, engineOption } from "../engine/choice.js";
import { type ChosenEngine, chooseEngine } from "../engine/choose-engine.js";
import { autoscaleOption, loadPolicy, type ScaleBounds } from "../fleet/autoscale-option.js";
import { Autoscaler } from "../fleet/autoscaler.js";
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
import { FleetOrders } from "../fleet/orders.js";
import { processDriver } from "../fleet/process-driver.js";
import { type DiscoverChoice, discoverOption } from "../node/discover-option.js";
import { requireAppFile } from "../node/load-app.js";
import { logLevelOption, portOption, secondsOption, wholeNumber } from "../options.js";
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
  readonly autoscale?: ScaleBounds;
  readonly policy?: string;
  readonly drainTimeout: number;
  readonly logLevel: LogLevel;
}

const help = `
The application is a module whose default export makes one node's endpoint:

  export default ({ name, pubsub }) => createEndpoint({ name, pubsub, sockets })

Each node is a process of its own on a free port of this machine, linked with the others. A node that dies is started
again. With --engine nats or redis they send their messages by the server at NATS_URL or REDIS_URL; without, one is
started on this machine, and ends with the fleet. The line "ready http://…" says that every node is ready and the balancer answers. Ctrl-C ends all of it in good
order, a second Ctrl-C at once: its clients have nowhere to go, so no node is drained.

\`simurgh drain\` takes a node away, \`simurgh deploy\` replaces all of them. With --autoscale there are as many nodes as
the load needs; \`simurgh autoscale status\` tells why. SIGTERM to the process of a node drains it; then it is replaced.

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
    .addOption(autoscaleOption())
    .option("--policy <file>", "a JSON file that says when it grows and shrinks; see docs/operations.md")
    .addOption(
      secondsOption(
        "--drain-timeout <seconds>",
        "how long clients may take when a signal or --autoscale drains a node",
        30,
      ),
    )
    .addOption(logLevelOption())
    .addHelpText("after", help)
    .action(async (app: string, given: UpOptions, command: Command) => {
      const isChosen = command.getOptionValueSource("nodes") !== "default";
      const options = { ...given, nodes: sizeOf(given, isChosen, command) };
      if (options.discover.length > 0 && !process.env[secretVariable]) {
        command.error(`error: a fleet with --discover needs the cluster's secret in ${secretVariable}`);
      }
      onExitCode(await up(app, options));
    });
}

/** How many nodes there are at first. */
function sizeOf({ nodes, autoscale, policy }: UpOptions, isChosen: boolean, command: Command): number {
  if (autoscale === undefined) {
    if (policy !== undefined) command.error("error: --policy is of use with --autoscale MIN..MAX only");
    return nodes;
  }
  const { minNodes, maxNodes } = autoscale;
  if (!isChosen) return minNodes;
  if (nodes < minNodes || nodes > maxNodes)
    command.error("error: --nodes is out of the bounds of --autoscale");
  return nodes;
}

async function up(app: string, options: UpOptions): Promise<number> {
  const signals = stopSignals();
  const path = requireAppFile(app);
  const policy = options.autoscale && (await loadPolicy(options.policy, options.autoscale));
  const port = await choosePort(options.port);
  const folder = await makeFleetFolder(port);
  let fleet: Fleet | undefined;
  let autoscaler: Autoscaler | undefined;
  let orders: FleetOrders | undefined;
  let engine: ChosenEngine | undefined;
  const control = await startControl(controlPath(port), async (request, progress) => {
    if (orders !== undefined) return orders.obey(request, progress);
    if (request.command === "nodes") return [];
    throw new SimurghError("fleet_order_refused", "the fleet is starting, or about to end");
  });
  try {
    const told = (line: string) => out(`${options.engine} ${line}`);
    engine = await chooseEngine({ choice: options.engine, env: process.env, folder, told });
    fleet = await makeFleet({ ...options, port }, path, folder, engine);
    if (policy !== undefined) autoscaler = makeAutoscaler(fleet, policy, options.drainTimeout * 1_000);
    orders = new FleetOrders(fleet, autoscaler);
    return await run(fleet, autoscaler, signals, doorUrl(options.host, port));
  } finally {
    await autoscaler?.stop();
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
  const { nodes: size, logLevel, host, port, drainTimeout } = options;
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
  return new Fleet({ app, size, secret, discover, drainTimeout, logLevel, engine, balancer, door, out, err });
}

function makeAutoscaler(fleet: Fleet, policy: AutoscalePolicy, drainMsMax: number): Autoscaler {
  const err = lineWriter(process.stderr);
  const driver = processDriver({ fleet, drainMsMax, err });
  return new Autoscaler({ policy, driver, nodes: () => fleet.reports(), out, err });
}

/** Runs a fleet until it is told to end. */
async function run(
  fleet: Fleet,
  autoscaler: Autoscaler | undefined,
  signals: StopSignals,
  url: string,
): Promise<number> {
  const started = fleet.start().then(() => {
    out(`ready ${url}`);
    autoscaler?.start();
  });
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
