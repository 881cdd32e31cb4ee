import { REVOCATION_TOPIC } from "./auth/revocation-wire.js";
import { FLEET_PREFIX } from "./fleet/statuses.js";
import { TOPIC_PREFIX } from "./longpoll/poll-wire.js";
import { PRESENCE_PREFIX } from "./presence/shard-link.js";

/** Whether nodes speak to each other by such a topic: it is no client's. */
export function isReserved(topic: string): boolean {
  const prefixes = [TOPIC_PREFIX, PRESENCE_PREFIX, FLEET_PREFIX, REVOCATION_TOPIC];
  return prefixes.some((prefix) => topic.startsWith(prefix));
}
