import type { KeyedEntries } from "../../core/presence/entry.js";
import type { Count } from "../../core/presence/topic-index.js";
import { isPromise, type MaybePromise } from "../result.js";
import type { Fetched } from "./fetcher.js";
import type { NodePresence } from "./node-presence.js";
import type { PresencePage, PresencePageRequest } from "./presence-types.js";

/** Keys of a page, unless asked for more, and at most. */
const PAGE = { limit: 100, limitMax: 1_000 } as const;

/** Reads the presences that one node knows, with what `fetch` adds. Promises only where `fetch` gives them. */
export class NodeReader {
  readonly #node: NodePresence;

  constructor(node: NodePresence) {
    this.#node = node;
  }

  list(topic: string): MaybePromise<Fetched> {
    return this.#node.fetched(topic, this.#node.list(topic));
  }

  getByKey(topic: string, key: string): MaybePromise<object | undefined> {
    const entries = this.#node.getByKey(topic, key);
    const found: KeyedEntries = entries.length === 0 ? new Map() : new Map([[key, entries]]);
    const fetched = this.#node.fetched(topic, found);
    return isPromise(fetched) ? fetched.then((late) => late[key]) : fetched[key];
  }

  page(
    topic: string,
    { after, limit = PAGE.limit }: PresencePageRequest = {},
  ): MaybePromise<PresencePage<Fetched>> {
    const whole = Number.isFinite(limit) ? Math.trunc(limit) : PAGE.limit;
    const bounded = Math.min(Math.max(whole, 1), PAGE.limitMax);
    const { entries, next, count } = this.#node.page(topic, {
      limit: bounded,
      ...(after === undefined ? {} : { after }),
    });
    const fetched = this.#node.fetched(topic, entries);
    const pageOf = (presences: Fetched): PresencePage<Fetched> => ({ presences, next, count });
    return isPromise(fetched) ? fetched.then(pageOf) : pageOf(fetched);
  }

  count(topic: string): Count {
    return this.#node.count(topic);
  }
}
