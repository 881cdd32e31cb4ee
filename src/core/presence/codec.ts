import type { Fragment, Known } from "./fragment.js";
import { decodeFragment, encodeFragment } from "./fragment-codec.js";
import type { Message } from "./message.js";
import { parseReplicaId, type ReplicaId } from "./replica-id.js";
import { isCount } from "./wire-checks.js";

/** First element of every message; a node that speaks another format ignores it. */
const format = 1;

/** Writes a message as JSON text. */
export function encodeMessage(message: Message): string {
  return JSON.stringify([format, message.type, message.from, ...bodyOf(message)]);
}

function bodyOf(message: Message): unknown[] {
  switch (message.type) {
    case "delta":
      return [encodeFragment(message.fragment)];
    case "heartbeat":
      return [[...message.clocks]];
    case "request":
      return [[...message.known].map(encodeKnown)];
    case "transfer":
      return [message.fragments.map(encodeFragment), message.more];
    case "goodbye":
      return [];
  }
}

/** Reads what `encodeMessage` wrote; undefined for anything else, so that a faulty peer harms nobody. */
export function decodeMessage(text: string): Message | undefined {
  const parts = parse(text);
  if (!Array.isArray(parts) || parts[0] !== format) return undefined;
  const from = parseReplicaId(parts[2]);
  return from === undefined ? undefined : decodeBody(parts[1], from, parts[3], parts[4]);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decodeBody(type: unknown, from: ReplicaId, body: unknown, more: unknown): Message | undefined {
  switch (type) {
    case "delta": {
      const fragment = decodeFragment(body);
      return fragment?.replica === from ? { type, from, fragment } : undefined;
    }
    case "heartbeat": {
      const clocks = decodePairs(body, (value) => (isCount(value[1]) ? value[1] : undefined));
      return clocks && { type, from, clocks };
    }
    case "request": {
      const known = decodePairs(body, decodeKnown);
      return known && { type, from, known };
    }
    case "transfer": {
      const fragments = decodeFragments(body);
      return fragments && typeof more === "boolean" ? { type, from, fragments, more } : undefined;
    }
    case "goodbye":
      return { type, from };
    default:
      return undefined;
  }
}

function encodeKnown([id, { clock, cursor }]: readonly [ReplicaId, Known]): unknown[] {
  return cursor === undefined ? [id, clock] : [id, clock, cursor.upTo, cursor.facts];
}

function decodeKnown([, clock, upTo, facts]: readonly unknown[]): Known | undefined {
  if (!isCount(clock)) return undefined;
  if (upTo === undefined && facts === undefined) return { clock, cursor: undefined };
  return isCount(upTo) && isCount(facts) ? { clock, cursor: { upTo, facts } } : undefined;
}

function decodePairs<V>(
  body: unknown,
  decode: (pair: readonly unknown[]) => V | undefined,
): Map<ReplicaId, V> | undefined {
  if (!Array.isArray(body)) return undefined;
  const pairs = new Map<ReplicaId, V>();
  for (const pair of body) {
    if (!Array.isArray(pair)) return undefined;
    const id = parseReplicaId(pair[0]);
    const value = decode(pair);
    if (id === undefined || value === undefined) return undefined;
    pairs.set(id, value);
  }
  return pairs;
}

function decodeFragments(body: unknown): Fragment[] | undefined {
  if (!Array.isArray(body)) return undefined;
  const fragments: Fragment[] = [];
  for (const item of body) {
    const fragment = decodeFragment(item);
    if (fragment === undefined) return undefined;
    fragments.push(fragment);
  }
  return fragments;
}
