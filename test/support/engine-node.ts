import { onTestFinished } from "vitest";
import type { Clock } from "../../src/contracts/clock.js";
import type { PubSubAdapter, PubSubEvent } from "../../src/contracts/pubsub-adapter.js";
import { keepingLogger, type LogLine } from "./mesh-node.js";
import { systemParts } from "./pubsub-engines.js";

/** A node of a test with any engine, and everything that happened to it. */
export interface EngineNode {
  readonly name: string;
  readonly adapter: PubSubAdapter;
  readonly lines: LogLine[];
  readonly events: PubSubEvent[];
  /** Types of the events, in order. */
  readonly happened: readonly string[];
  stat(name: string): number;
  texts(topic: string): string[];
  say(topic: string, text: string): void;
}

/** Starts a node; it is stopped with the test. */
export async function startEngineNode(
  name: string,
  adapter: PubSubAdapter,
  clock: Clock = systemParts.clock,
): Promise<EngineNode> {
  const deliveries: { readonly topic: string; readonly data: Uint8Array }[] = [];
  const node: EngineNode = {
    name,
    adapter,
    lines: [],
    events: [],
    get happened() {
      return node.events.map(({ type }) => type);
    },
    stat: (key) => adapter.stats()[key] ?? Number.NaN,
    texts: (topic) =>
      deliveries.filter((one) => one.topic === topic).map(({ data }) => new TextDecoder().decode(data)),
    say: (topic, text) => adapter.publish(topic, new TextEncoder().encode(text)),
  };
  onTestFinished(() => adapter.stop());
  await adapter.start({
    nodeName: name,
    clock,
    random: systemParts.random,
    logger: keepingLogger(node.lines),
    deliver: (topic, data) => void deliveries.push({ topic, data }),
    changed: (event) => void node.events.push(event),
  });
  return node;
}
