import type { PubSubEvent } from "../../src/contracts/pubsub-adapter.js";
import { BrokerEngine } from "../../src/edges/pubsub/broker-engine.js";
import { type BrokerOptions, resolveBrokerOptions } from "../../src/edges/pubsub/broker-options.js";
import { FakeDriver } from "./fake-broker.js";
import { FakeClock } from "./fake-clock.js";
import { keepingLogger, type LogLine } from "./mesh-node.js";

/** Lets promises and what is due in this turn of the event loop run. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** An engine on a fake broker, on a clock that the test drives. */
export function brokerNode(options: BrokerOptions = {}) {
  const driver = new FakeDriver();
  const clock = new FakeClock();
  const engine = new BrokerEngine(driver, resolveBrokerOptions(options));
  const lines: LogLine[] = [];
  const events: PubSubEvent[] = [];
  const deliveries: { readonly topic: string; readonly text: string }[] = [];
  let lives = 0;
  const node = {
    driver,
    clock,
    engine,
    lines,
    events,
    deliveries,
    /** What `deliver` throws. */
    trouble: undefined as Error | undefined,
    happened: () => events.map((event) => ("node" in event ? `${event.type} ${event.node}` : event.type)),
    stat: (name: string) => engine.stats()[name],
    /** What is under way gets as far as its timers first. */
    advance: async (byMs: number) => {
      await turn();
      await clock.advance(byMs, turn);
    },
    start: () =>
      engine.start({
        nodeName: "n1",
        clock,
        random: { fraction: () => 1, bytes: (length) => new Uint8Array(length).fill(++lives) },
        logger: keepingLogger(lines),
        deliver: (topic, data) => {
          if (node.trouble !== undefined) throw node.trouble;
          deliveries.push({ topic, text: new TextDecoder().decode(data) });
        },
        changed: (event) => void events.push(event),
      }),
    /** Starts, and lets time go on until that is done. */
    async started() {
      await node.start();
      return node;
    },
    /** What another node says to all. */
    announce(kind: string, name: string, life = "l1") {
      driver.last.deliver("simurgh.n", Buffer.from(JSON.stringify({ kind, node: name, life })));
    },
    /** What this node has said about itself, and to whom. */
    announced: () =>
      driver.last.published.map(
        ({ name, data }) => `${JSON.parse(Buffer.from(data).toString()).kind} ${name}`,
      ),
  };
  return node;
}
