import { decodeMessage } from "../../../core/presence/codec.js";
import { nameOf, type ReplicaId } from "../../../core/presence/replica-id.js";
import { Broadcast } from "../../../runtime/broadcast.js";
import { PRESENCE_PREFIX } from "../../../runtime/presence/shard-link.js";

/** What a node has heard of another's tracker. */
export interface Heard {
  readonly id: ReplicaId;
  readonly name: string;
  lastUs: number;
  /** It took leave. */
  goodbyeUs: number | undefined;
}

/** Whether a topic is one that trackers use among themselves. */
export function isTrackerTopic(topic: string): boolean {
  return topic.startsWith(PRESENCE_PREFIX);
}

/** Who said something to this node's tracker, and when: what the tracker's judgement is held against. */
export class Hearing {
  readonly #heard = new Map<ReplicaId, Heard>();
  /** When the engine last lost a node. */
  readonly #lostUs = new Map<string, number>();

  /** A message of another tracker was handed over. */
  message(topic: string, data: Uint8Array, nowUs: number): void {
    const binary = Broadcast.decode(topic, data)?.binary;
    const message = binary === undefined ? undefined : decodeMessage(Buffer.from(binary).toString());
    if (message === undefined) return;
    const { from, type } = message;
    const known = this.#heard.get(from);
    const heard = known ?? { id: from, name: nameOf(from), lastUs: nowUs, goodbyeUs: undefined };
    if (known === undefined) this.#heard.set(from, heard);
    if (type === "goodbye") heard.goodbyeUs ??= nowUs;
    else heard.lastUs = nowUs;
  }

  lost(name: string, nowUs: number): void {
    this.#lostUs.set(name, nowUs);
  }

  /** Since when a tracker has been silent although the engine lost its node; undefined when it was heard since. */
  lostSinceUs({ name, lastUs }: Heard): number | undefined {
    const lostUs = this.#lostUs.get(name);
    return lostUs !== undefined && lostUs >= lastUs ? lostUs : undefined;
  }

  all(): IterableIterator<Heard> {
    return this.#heard.values();
  }
}
