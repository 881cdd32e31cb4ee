import { onTestFinished } from "vitest";
import type { Clock } from "../../src/contracts/clock.js";
import type { LogFields, Logger } from "../../src/contracts/logger.js";
import type { PubSubEvent } from "../../src/contracts/pubsub-adapter.js";
import { type MeshAdapter, mesh } from "../../src/edges/pubsub/mesh/mesh.js";
import type { MeshOptions } from "../../src/edges/pubsub/mesh/options.js";
import { formatAddress } from "../../src/edges/pubsub/mesh/peer-address.js";
import { systemParts, testSecret } from "./pubsub-engines.js";
import { until } from "./wait.js";

/** One line that a node logged. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: LogLine[]): Logger {
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A mesh node of a test, with everything that happened to it. */
export interface MeshNode {
  readonly name: string;
  readonly mesh: MeshAdapter;
  readonly lines: LogLine[];
  readonly events: PubSubEvent[];
  readonly deliveries: { readonly topic: string; readonly data: Uint8Array }[];
  /** `host:port` */
  readonly address: string;
  stat(name: string): number;
  /** Lines of warnings and errors, optionally those with a reason. */
  warnings(reason?: string): LogLine[];
  texts(topic: string): string[];
  say(topic: string, text: string): void;
  /** Starts it after a stop. */
  restart(): Promise<void>;
}

/** Starts a node on loopback; it is stopped with the test. */
export async function startNode(
  name: string,
  options: Partial<MeshOptions> = {},
  clock: Clock = systemParts.clock,
): Promise<MeshNode> {
  const adapter = mesh({ secret: testSecret, ...options });
  const node: MeshNode = {
    name,
    mesh: adapter,
    lines: [],
    events: [],
    deliveries: [],
    get address() {
      if (adapter.address === undefined) throw new Error(`${name} does not listen`);
      return formatAddress(adapter.address);
    },
    stat: (key) => adapter.stats()[key] ?? Number.NaN,
    warnings: (reason) =>
      node.lines.filter(
        ({ level, fields }) => /warn|error/.test(level) && (reason === undefined || fields.reason === reason),
      ),
    texts: (topic) =>
      node.deliveries.filter((one) => one.topic === topic).map(({ data }) => new TextDecoder().decode(data)),
    say: (topic, text) => adapter.publish(topic, new TextEncoder().encode(text)),
    restart: () =>
      adapter.start({
        nodeName: name,
        clock,
        random: systemParts.random,
        logger: keepingLogger(node.lines),
        deliver: (topic, data) => void node.deliveries.push({ topic, data }),
        changed: (event) => void node.events.push(event),
      }),
  };
  onTestFinished(() => adapter.stop());
  await node.restart();
  return node;
}

/** Waits until every node reaches every other. */
export async function untilMeshed(nodes: readonly MeshNode[]): Promise<void> {
  await until(
    () => nodes.every(({ mesh: each }) => each.nodes().length === nodes.length - 1),
    `${nodes.length} nodes reach each other`,
  );
}

/** Starts nodes of these names, each dialling all earlier ones, and waits until they are meshed. */
export async function startCluster(names: readonly string[], options: Partial<MeshOptions> = {}) {
  const nodes: MeshNode[] = [];
  for (const name of names) {
    const peers = [...(options.peers ?? []), ...nodes.map(({ address }) => address)];
    nodes.push(await startNode(name, { ...options, peers }));
  }
  await untilMeshed(nodes);
  return nodes;
}
