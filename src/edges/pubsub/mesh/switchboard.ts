import type { Link, LinkHandler } from "../../../contracts/network.js";
import type { Judgement } from "./arbiter.js";
import { judgeAdmission, judgeCandidate, judgeConsent, leads, refusalForLiving } from "./arbiter.js";
import type { MeshContext } from "./context.js";
import type { Dial, LinkState } from "./dialer.js";
import { Dialer } from "./dialer.js";
import type { Hello } from "./hello.js";
import type { LinkOwner } from "./link-owner.js";
import { LinkReports } from "./link-reports.js";
import { PeerLink } from "./peer-link.js";
import type { Refusal } from "./refusal.js";

/** Holds every connection of a node, and decides which of them is the link to whom. */
export class Switchboard implements LinkOwner {
  readonly dialer: Dialer;
  readonly #context: MeshContext;
  readonly #reports: LinkReports;
  /** The link of each pair, by the peer's name. */
  readonly #links = new Map<string, PeerLink>();
  /** Arrived connections that are not links yet, the oldest first. */
  readonly #arrivals = new Set<PeerLink>();
  /** Dialled connections that are not links yet. */
  readonly #dialled = new Set<PeerLink>();
  /** Connections of no more use whose resources are not free yet, the oldest first. */
  readonly #ending = new Set<PeerLink>();
  #upNames: readonly string[] = [];
  #stopping = false;
  #onEmpty: () => void = () => {};

  constructor(context: MeshContext, dial: (dial: Dial) => void) {
    this.#context = context;
    this.#reports = new LinkReports(context);
    this.dialer = new Dialer(context, dial, (name) => this.#linkState(name));
  }

  /** Names of the nodes to which messages flow. */
  get upNames(): readonly string[] {
    return this.#upNames;
  }

  /** The links of this node. */
  get links(): ReadonlyMap<string, PeerLink> {
    return this.#links;
  }

  /** Connections that are not links yet. */
  get handshakes(): number {
    return this.#arrivals.size + this.#dialled.size;
  }

  /** Takes a new connection, arrived or dialled. */
  take(link: Link, dial: Dial | undefined): LinkHandler {
    if (dial === undefined) {
      this.#context.counters.links_accepted += 1;
      this.#makeRoom();
    }
    const connection = new PeerLink(this.#context, this, link, dial);
    (dial === undefined ? this.#arrivals : this.#dialled).add(connection);
    if (this.#stopping || dial?.live === false) connection.close("not wanted any more");
    return connection;
  }

  /** Nobody answered a dial. */
  onDialFailed(dial: Dial, reason: string): void {
    this.#context.counters.dials_failed += 1;
    if (dial.live) this.#reports.unreachable(dial.target, reason);
    this.dialer.onFailed(dial, "failed", undefined);
  }

  /**
   * Beats on every link and closes the silent ones. `late`: this process itself stood still; the signs of life of
   * the others wait unread, or they stood still, too, so everybody's silence is counted from now.
   */
  tick(late: boolean): void {
    const { counters, settings } = this.#context;
    const { queueBytesMax } = settings.limits;
    for (const link of [...this.#links.values()]) {
      if (late) link.forgiveSilence();
      if (link.silentForMs >= settings.timing.heartbeatTimeoutMs) {
        counters.links_silent += 1;
        link.close("silent");
      } else if (link.outbox.queuedBytes > 2 * queueBytesMax) {
        // Messages stop at the limit; what nobody may drop has come to as much again.
        link.close("queue overflow");
      } else {
        link.beat();
        if (!link.dropping || link.outbox.queuedBytes > queueBytesMax / 2) continue;
        link.dropping = false;
        this.#reports.draining(link);
      }
    }
  }

  /** Ends the link to a node and does not dial it again. Returns the addresses that it was dialled at. */
  disconnect(name: string): readonly string[] {
    const keys = this.dialer.removeName(name);
    this.dialer.part(name);
    // Candidates first: one that contests the link would take its place.
    for (const link of [...this.#arrivals, ...this.#dialled]) {
      if (link.peer?.name === name) link.refuse("leaving");
    }
    this.#links.get(name)?.leave("disconnected");
    return keys;
  }

  /** Says goodbye to everybody. Resolves when every connection is gone; `cut` closes those that linger. */
  stop(): { readonly gone: Promise<void>; readonly cut: () => void } {
    this.#stopping = true;
    this.dialer.stop();
    const gone = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    // Candidates first: one that contests a link would take its place.
    for (const link of [...this.#arrivals, ...this.#dialled]) link.close("stopped");
    for (const link of [...this.#links.values()]) link.leave("stopped");
    this.#checkEmpty();
    const cut = () => {
      for (const link of [...this.#ending]) link.cut();
    };
    return { gone, cut };
  }

  onProven(link: PeerLink): void {
    const peer = this.#peerOf(link);
    if (link.dial?.live === false) return link.close("not wanted any more");
    if (link.dial && this.dialer.isStale(link.dial, peer.name)) return this.#abandon(link, peer.name);
    if (this.#stopping) return link.refuse("leaving");
    if (peer.name === this.#context.nodeName) {
      return link.refuse(peer.incarnation.equals(this.#context.incarnation) ? "self" : "duplicate_name");
    }
    // The leader waits for the follower's consent.
    if (!leads(this.#context.nodeName, peer.name)) this.#consent(link, peer);
  }

  onReady(link: PeerLink, linked: boolean): void {
    const peer = this.#peerOf(link);
    if (!leads(this.#context.nodeName, peer.name)) return link.fault("consent by the leader");
    const incumbent = this.#links.get(peer.name);
    this.#carryOut(link, judgeCandidate(incumbent?.peer, peer.incarnation, linked), () => {
      // Whoever came in meanwhile is younger than this candidate's question.
      if (this.#links.has(peer.name)) link.refuse("already_linked");
      else this.#open(link, peer, true);
    });
  }

  onAdmitted(link: PeerLink): void {
    const peer = this.#peerOf(link);
    if (leads(this.#context.nodeName, peer.name)) return link.fault("admission by the follower");
    if (link.dial?.live === false) return link.close("not wanted any more");
    this.#carryOut(link, judgeAdmission(this.#links.get(peer.name)?.peer, peer.incarnation), () =>
      this.#open(link, peer, false),
    );
  }

  onUp(link: PeerLink): void {
    const peer = this.#peerOf(link);
    this.#reports.up(link, peer);
    this.#refreshNames();
    this.dialer.onUp(peer.name);
    this.#context.changed({ type: "node_up", node: peer.name });
  }

  onRefused(link: PeerLink, by: "us" | "them", refusal: Refusal): void {
    this.#reports.refused(link, by, refusal);
    if (link.dial !== undefined) this.dialer.onFailed(link.dial, refusal, link.peer?.name);
  }

  onFault(link: PeerLink, reason: string): void {
    this.#reports.fault(link, reason);
  }

  onClosed(link: PeerLink, reason: string, wasOpen: boolean): void {
    this.#forgetHandshake(link);
    this.#ending.add(link);
    this.#hurryEnding();
    if (!wasOpen) {
      if (link.dial !== undefined) this.dialer.onFailed(link.dial, "failed", link.peer?.name);
      return;
    }
    const peer = this.#peerOf(link);
    if (this.#links.get(peer.name) === link) this.#links.delete(peer.name);
    this.#refreshNames();
    const lastedMs = link.up ? this.#context.clock.monotonic() - link.upAtMs : 0;
    if (reason !== "replaced") this.dialer.onUnlinked(peer.name, reason === "left", lastedMs);
    if (reason === "left") this.#onLeft(peer.name);
    if (!link.up) return;
    link.up = false;
    this.#reports.down(link, peer, reason);
    this.#context.changed({ type: "node_down", node: peer.name, reason });
  }

  onGone(link: PeerLink): void {
    this.#ending.delete(link);
    this.#checkEmpty();
  }

  /** A dial to a leaver that is under way must not become its next link. */
  #onLeft(name: string): void {
    this.dialer.part(name);
    for (const link of [...this.#dialled]) if (link.peer?.name === name) this.#abandon(link, name);
  }

  #abandon(link: PeerLink, name: string): void {
    if (link.dial !== undefined) this.dialer.onFailed(link.dial, "leaving", name);
    link.close("left");
  }

  #peerOf(link: PeerLink): Hello {
    // Owners are called with proven links only; the hello is set with the proof.
    return link.peer as Hello;
  }

  #linkState(name: string): LinkState {
    const link = this.#links.get(name);
    if (link === undefined) return undefined;
    return link.up ? "up" : "open";
  }

  /** The follower's side: may the leader have this connection? */
  #consent(link: PeerLink, peer: Hello): void {
    const incumbent = this.#links.get(peer.name);
    this.#carryOut(link, judgeConsent(incumbent?.peer, peer.incarnation), () => {
      const present = this.#links.get(peer.name)?.peer;
      if (present !== undefined && !present.incarnation.equals(peer.incarnation)) {
        return link.refuse("duplicate_name");
      }
      if (present === undefined && this.#isFull()) return link.refuse("links_full");
      link.sendReady(present !== undefined);
    });
  }

  #carryOut(link: PeerLink, judgement: Judgement, accept: () => void): void {
    const peer = this.#peerOf(link);
    const incumbent = this.#links.get(peer.name);
    switch (judgement) {
      case "accept":
        return accept();
      case "replace":
        this.#context.counters.links_replaced += 1;
        incumbent?.close("replaced");
        return accept();
      case "probe":
        return incumbent === undefined ? accept() : this.#contest(link, peer, incumbent, accept);
      case "already_linked":
      case "duplicate_name":
        return link.refuse(judgement);
      default:
        judgement satisfies never;
    }
  }

  /** Two connections for one name: the one that is open keeps its place if it gives a sign of life. */
  #contest(link: PeerLink, peer: Hello, incumbent: PeerLink, accept: () => void): void {
    const refusal = refusalForLiving(this.#peerOf(incumbent), peer.incarnation);
    const asked = incumbent.probe(this.#context.settings.timing.heartbeatTimeoutMs, (alive) => {
      if (link.phase !== "proven") return;
      if (alive) link.refuse(refusal);
      else accept();
    });
    if (!asked) link.refuse("already_linked");
  }

  #open(link: PeerLink, peer: Hello, admit: boolean): void {
    if (this.#isFull()) return link.refuse("links_full");
    this.#context.counters.links_opened += 1;
    this.#forgetHandshake(link);
    this.#links.set(peer.name, link);
    link.open(admit);
    this.dialer.onLinked(peer.name, link.dial);
  }

  #isFull(): boolean {
    return this.#links.size >= this.#context.settings.limits.linksMax;
  }

  #forgetHandshake(link: PeerLink): void {
    this.#arrivals.delete(link);
    this.#dialled.delete(link);
  }

  /** Whoever has dawdled longest in the handshake has to go before somebody new is turned away. */
  #makeRoom(): void {
    if (this.#arrivals.size < this.#context.settings.limits.handshakesMax) return;
    const arrivals = [...this.#arrivals];
    // Of those who proved themselves only the verdict is due.
    const victim = arrivals.find(({ phase }) => phase === "handshake") ?? arrivals[0];
    this.#context.counters.handshakes_evicted += 1;
    victim?.close("too many handshakes");
  }

  /** Last frames may take their time, but not for more connections than may knock. */
  #hurryEnding(): void {
    if (this.#ending.size <= this.#context.settings.limits.handshakesMax) return;
    for (const oldest of this.#ending) {
      if (oldest.phase !== "closing") continue;
      oldest.cut();
      return;
    }
  }

  #refreshNames(): void {
    this.#upNames = [...this.#links].filter(([, link]) => link.up).map(([name]) => name);
  }

  #checkEmpty(): void {
    if (this.#stopping && this.#links.size + this.handshakes + this.#ending.size === 0) this.#onEmpty();
  }
}
