import type { JsonObject } from "../shared/json.js";
import type { ReplicaId } from "./replica-id.js";

/** Whatever ends when a presence must end, such as a channel. Local to its node, never sent. */
export type Owner = string | number;

/** What travels between replicas about one presence. */
export interface EntryRecord {
  readonly topic: string;
  readonly key: string;
  /** The owning replica's clock when this was added: with the replica, the identity of the entry in the set. */
  readonly clock: number;
  /** Identity towards applications and clients. Unique in the cluster. */
  readonly ref: string;
  /** The ref that this one replaced. */
  readonly prevRef: string | undefined;
  /** Size of the meta as JSON text. */
  readonly bytes: number;
  readonly meta: JsonObject;
}

/** One presence: a meta under a key of a topic, alive on one replica. Never changed, only replaced. */
export interface Entry extends EntryRecord {
  readonly replica: ReplicaId;
  /** Undefined for entries of other replicas. */
  readonly owner: Owner | undefined;
}

/** What is present in a topic, by key. Iterates in the order in which keys came. */
export type KeyedEntries = ReadonlyMap<string, readonly Entry[]>;

/** The one place where entries are made, so that all have the same shape in memory. `topic` is the shared string. */
export function createEntry(
  record: EntryRecord,
  topic: string,
  replica: ReplicaId,
  owner: Owner | undefined,
): Entry {
  return {
    topic,
    key: record.key,
    clock: record.clock,
    ref: record.ref,
    prevRef: record.prevRef,
    bytes: record.bytes,
    meta: record.meta,
    replica,
    owner,
  };
}

/** Bytes that an entry is counted with when messages are cut to size; generous towards the parts around the meta. */
export function wireBytes(entry: EntryRecord): number {
  return entry.bytes + 3 * (entry.topic.length + entry.key.length) + 96;
}
