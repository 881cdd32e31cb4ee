import type { PubSubAdapter, PubSubEvent, PubSubHost } from "../../src/contracts/pubsub-adapter.js";

type Deliver = PubSubHost["deliver"];
type Changed = PubSubHost["changed"];

/** What a planted fault does; whatever it leaves out works as it should. */
export interface Spoiling {
  /** Stands between the engine and `deliver`. */
  readonly deliver?: (deliver: Deliver) => Deliver;
  /** Stands between the engine and `changed`. */
  readonly changed?: (changed: Changed) => (event: PubSubEvent) => void;
  /** Whether the engine hears of a subscription. */
  readonly subscribes?: () => boolean;
  /** Whether the engine hears of a message. */
  readonly publishes?: () => boolean;
  /** Stands in for the nodes that the engine lists. */
  readonly nodes?: (nodes: readonly string[]) => readonly string[];
  /** Whether the engine hears of the stop. */
  readonly stops?: () => boolean;
}

/** An engine with a planted fault. */
export function spoiledAdapter(inner: PubSubAdapter, spoiling: Spoiling): PubSubAdapter {
  return {
    engine: inner.engine,
    get healthy() {
      return inner.healthy;
    },
    start: (host) =>
      inner.start({
        ...host,
        deliver: spoiling.deliver?.(host.deliver) ?? host.deliver,
        changed: spoiling.changed?.(host.changed) ?? host.changed,
      }),
    stop: async () => {
      if (spoiling.stops?.() !== false) await inner.stop();
    },
    subscribe: (topic) => (spoiling.subscribes?.() === false ? undefined : inner.subscribe(topic)),
    unsubscribe: (topic) => inner.unsubscribe(topic),
    publish: (topic, data) => {
      if (spoiling.publishes?.() !== false) inner.publish(topic, data);
    },
    nodes: () => spoiling.nodes?.(inner.nodes()) ?? inner.nodes(),
    stats: () => inner.stats(),
  };
}

/** True once in `period` calls, from the first `period`-th on. */
export function oneIn(period: number): () => boolean {
  let calls = 0;
  return () => {
    calls += 1;
    return calls % period === 0;
  };
}
