import { TOPIC_PREFIX } from "./longpoll/poll-wire.js";
import { PRESENCE_PREFIX } from "./presence/shard-link.js";

/** Whether nodes speak to each other by such a topic: it is no client's. */
export function isReserved(topic: string): boolean {
  return topic.startsWith(TOPIC_PREFIX) || topic.startsWith(PRESENCE_PREFIX);
}
