import type { Fragment, Known } from "./fragment.js";
import type { Message } from "./message.js";
import type { ReplicaId } from "./replica-id.js";
import type { PresenceState } from "./state.js";

/** Clocks of the replicas for which `counts` holds. */
export function clocksOf(state: PresenceState, counts: (id: ReplicaId) => boolean): Map<ReplicaId, number> {
  const clocks = new Map<ReplicaId, number>();
  for (const view of state.views()) {
    if (counts(view.id)) clocks.set(view.id, view.context);
  }
  return clocks;
}

/** What a request says: how far every known replica is known, also one that is down. */
export function knownBy(state: PresenceState): Map<ReplicaId, Known> {
  const known = new Map<ReplicaId, Known>();
  for (const view of state.views()) known.set(view.id, { clock: view.context, cursor: view.cursor });
  return known;
}

/**
 * Answers a request with what the requester is missing of the replicas it knows, its own left out, as much as fits
 * into one message.
 */
export function transferFor(
  state: PresenceState,
  request: Extract<Message, { type: "request" }>,
  bytesMax: number,
): Message {
  const fragments: Fragment[] = [];
  let bytes = 0;
  let more = false;
  for (const [id, known] of request.known) {
    if (id === request.from) continue;
    if (bytes >= bytesMax) {
      more = true;
      break;
    }
    const extract = state.extract(id, known, bytesMax - bytes);
    if (extract === undefined) continue;
    fragments.push(extract.fragment);
    bytes += extract.bytes;
    more ||= !extract.complete;
  }
  return { type: "transfer", from: state.self, fragments, more };
}
