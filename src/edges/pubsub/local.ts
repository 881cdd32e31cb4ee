import type { PubSubAdapter } from "../../contracts/pubsub-adapter.js";

/** The engine of a single node: there is nobody else to tell. Local delivery is the runtime's own. */
export function local(): PubSubAdapter {
  let started = false;
  let published = 0;
  let topics = 0;
  return {
    engine: "local",
    start() {
      started = true;
      return Promise.resolve();
    },
    stop() {
      started = false;
      topics = 0;
      return Promise.resolve();
    },
    subscribe() {
      topics += 1;
      return undefined;
    },
    unsubscribe() {
      topics = Math.max(topics - 1, 0);
    },
    publish() {
      published += 1;
    },
    nodes: () => [],
    get healthy() {
      return started;
    },
    stats: () => ({ messages_published: published, topics_local: topics }),
  };
}
