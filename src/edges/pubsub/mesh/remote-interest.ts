import type { InterestChange } from "./interest-codec.js";
import { encodeTopic } from "./local-topics.js";
import type { Outbox } from "./outbox.js";
import { encodeMessageHead } from "./wire.js";

/** What the routing needs to know of a link. */
export interface InterestedPeer {
  readonly outbox: Outbox;
  /** Topics that the peer has subscribers for. */
  readonly topics: Set<string>;
  /** The peer has more topics than this node remembers; it gets everything and sorts out itself. */
  everything: boolean;
}

/** One topic and who wants it. */
export interface Interest<Peer> {
  readonly peers: Peer[];
  /** The beginning of its message frames, made with the first message. */
  head: Buffer | undefined;
}

/** Who wants which topic. */
export class RemoteInterest<Peer extends InterestedPeer> {
  readonly #byTopic = new Map<string, Interest<Peer>>();
  readonly #everything: Peer[] = [];
  readonly #topicsMax: number;

  constructor(topicsMax: number) {
    this.#topicsMax = topicsMax;
  }

  /** Topics that at least one peer wants. */
  get size(): number {
    return this.#byTopic.size;
  }

  /** Who gets a message on `topic`; undefined when nobody does. */
  find(topic: string): Interest<Peer> | undefined {
    const interest = this.#byTopic.get(topic);
    return this.#everything.length === 0 ? interest : this.#withEverything(topic, interest);
  }

  /** Takes over what a peer announced. True when the peer has just passed the limit. */
  apply(peer: Peer, change: InterestChange): boolean {
    if (change.full) this.clear(peer);
    if (peer.everything) return false;
    for (const topic of change.removed) this.#remove(peer, topic);
    for (const topic of change.added) this.#add(peer, topic);
    if (peer.topics.size <= this.#topicsMax) return false;
    this.clear(peer);
    peer.everything = true;
    this.#everything.push(peer);
    return true;
  }

  /** Forgets what a peer wanted. */
  clear(peer: Peer): void {
    for (const topic of peer.topics) this.#detach(peer, topic);
    peer.topics.clear();
    peer.everything = false;
    const at = this.#everything.indexOf(peer);
    if (at >= 0) this.#everything.splice(at, 1);
  }

  #add(peer: Peer, topic: string): void {
    if (peer.topics.has(topic)) return;
    peer.topics.add(topic);
    const interest = this.#byTopic.get(topic);
    if (interest === undefined) this.#byTopic.set(topic, { peers: [peer], head: undefined });
    else interest.peers.push(peer);
  }

  #remove(peer: Peer, topic: string): void {
    if (peer.topics.delete(topic)) this.#detach(peer, topic);
  }

  #detach(peer: Peer, topic: string): void {
    const interest = this.#byTopic.get(topic);
    if (interest === undefined) return;
    const at = interest.peers.indexOf(peer);
    if (at >= 0) interest.peers.splice(at, 1);
    if (interest.peers.length === 0) this.#byTopic.delete(topic);
  }

  #withEverything(topic: string, interest: Interest<Peer> | undefined): Interest<Peer> | undefined {
    const bytes = interest?.head === undefined ? encodeTopic(topic) : undefined;
    if (interest === undefined && bytes === undefined) return undefined;
    const head = interest?.head ?? (bytes && encodeMessageHead(bytes));
    return { peers: [...(interest?.peers ?? []), ...this.#everything], head };
  }
}
