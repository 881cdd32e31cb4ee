import type { PeerLink } from "./peer-link.js";
import type { Refusal } from "./refusal.js";

/**
 * handshake: nothing is proven. proven: both sides have proven the secret, the pair's leader has yet to decide.
 * open: the link of the pair. closing: a last frame is on its way out. closed: over.
 */
export type Phase = "handshake" | "proven" | "open" | "closing" | "closed";

/** What a connection tells the switchboard. */
export interface LinkOwner {
  /** Both sides have proven the secret. */
  onProven(link: PeerLink): void;
  /** The follower consents. `linked`: it holds an open link to this life of this node. */
  onReady(link: PeerLink, linked: boolean): void;
  /** The leader admits the connection as the link of the pair. */
  onAdmitted(link: PeerLink): void;
  /** Both sides know each other's interest. */
  onUp(link: PeerLink): void;
  onRefused(link: PeerLink, by: "us" | "them", refusal: Refusal): void;
  /** The peer broke the protocol. */
  onFault(link: PeerLink, reason: string): void;
  /** The connection is of no more use; `wasOpen` tells whether it was the link of the pair. */
  onClosed(link: PeerLink, reason: string, wasOpen: boolean): void;
  /** Its resources are free. */
  onGone(link: PeerLink): void;
}
