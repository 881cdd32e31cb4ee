import type { LogFields } from "../../../contracts/logger.js";
import type { MeshContext } from "./context.js";
import type { Target } from "./dialer.js";
import type { Hello } from "./hello.js";
import type { PeerLink } from "./peer-link.js";
import type { Refusal } from "./refusal.js";
import { refusals } from "./refusal.js";

/** Refusals that are the ordinary course of things: a simultaneous dial, a list that names the node itself. */
const ordinary: ReadonlySet<Refusal> = new Set(["already_linked", "self", "leaving"]);

/** What it looks like when a node has not begun to listen yet. All else, such as a wrong certificate, is a fault. */
const absences: ReadonlySet<string> = new Set(["refused", "timeout", "unreachable", "name not found"]);

function hostOf(remote: string): string {
  return remote.replace(/:\d+$/, "");
}

/** What of the links goes to the log, and how often. Counts everything. */
export class LinkReports {
  readonly #context: MeshContext;

  constructor(context: MeshContext) {
    this.#context = context;
  }

  up(link: PeerLink, peer: Hello): void {
    const { log, logger } = this.#context;
    logger.info("mesh node up", { node: peer.name, remote: link.remote });
    log.forget(`unreachable ${link.remote}`);
  }

  down(link: PeerLink, peer: Hello, reason: string): void {
    const fields = { node: peer.name, remote: link.remote, reason };
    if (/^(left|stopped|disconnected)$/.test(reason))
      return this.#context.logger.info("mesh node left", fields);
    this.#context.counters.links_lost += 1;
    // Whoever was broken off or refused has its line already.
    if (/^(protocol fault|refused)/.test(reason)) return this.#context.logger.debug("mesh node lost", fields);
    this.#context.logger.warn("mesh node lost", fields);
  }

  /** The queue to a peer has room again after messages were dropped. */
  draining(link: PeerLink): void {
    this.#context.logger.info("mesh queue has room again", { node: link.peerName });
  }

  unreachable(target: Target, reason: string): void {
    const { log, clock, settings } = this.#context;
    const fields = { remote: target.key, reason };
    const isNew = clock.monotonic() - target.sinceMs < settings.timing.unreachableGraceMs;
    // Nodes that start together dial each other before all of them listen.
    if (target.learned === undefined && isNew && absences.has(reason)) {
      return log.info(`awaited ${target.key}`, "mesh peer does not answer yet", fields);
    }
    log.warn(`unreachable ${target.key}`, "mesh peer unreachable", fields);
  }

  refused(link: PeerLink, by: "us" | "them", refusal: Refusal): void {
    const { counters, log, logger } = this.#context;
    counters[`refused_${refusal}`] += 1;
    const fields: LogFields = {
      remote: link.remote,
      node: link.peerName,
      reason: refusals[refusal].text,
      refused_by: by === "us" ? "this node" : "the peer",
    };
    if (ordinary.has(refusal)) return logger.debug("mesh link refused", fields);
    // Only who knows the secret may have a line for its name; the others share one for their host.
    const who = link.peer?.name ?? this.#addressOf(link);
    log.warn(`refused ${refusal} ${who}`, "mesh link refused", fields);
  }

  fault(link: PeerLink, reason: string): void {
    const { counters, log } = this.#context;
    counters.protocol_faults += 1;
    const node = link.peer?.name;
    const key = `fault ${reason} ${node ?? this.#addressOf(link)}`;
    log.warn(key, "mesh link broken off", { remote: link.remote, node, reason });
  }

  /** Whoever dials comes from a new port each time; whoever is dialled is always at the same one. */
  #addressOf(link: PeerLink): string {
    return link.dial?.target.key ?? hostOf(link.remote);
  }
}
