import { isReserved } from "./reserved-topics.js";

/** Half of a surrogate pair: no UTF-8 can carry it, so other nodes would know such a topic by another name. */
const ILL_FORMED = /\p{Surrogate}/u;

/** Whether a client may join such a topic, if it has a route. What nodes tell each other by theirs is no client's. */
export function isJoinable(topic: string): boolean {
  return !ILL_FORMED.test(topic) && !isReserved(topic);
}

/** A copy: a part of a text keeps the whole text alive in V8, here a join's params for the life of its channel. */
export function detached(text: string): string {
  // What stringify made of a string, parse makes a string.
  return JSON.parse(JSON.stringify(text)) as string;
}
