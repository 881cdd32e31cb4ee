import type { Cancel } from "../../contracts/clock.js";
import type { PathMatcher } from "../configure.js";
import type { ConnectDecision } from "../connect.js";
import type { Handshake } from "../connect-request.js";
import type { LongPollOptions } from "../endpoint-options.js";
import type { MountedSocket } from "../mounted-socket.js";
import type { PollAnswer, PollTarget } from "./answers.js";
import { PollSessions, type PollSurroundings } from "./poll-sessions.js";
import { type SignerFor, signPlace, type TokenSigner, verifyPlace } from "./poll-token.js";
import { RemoteSession } from "./remote-session.js";

/** What a GET is answered: the status that the client looks at, and the HTTP status where it is not 200. */
export type PollReply =
  | {
      /** 410 is a new session. */
      readonly status: 200 | 204 | 410;
      readonly token: string;
      readonly messages: readonly string[];
    }
  | { readonly status: 403 }
  /** The token was refused. Clients look at the body, and know no 401 there; proxies and people look at this. */
  | ({ readonly status: 403 } & HttpReply)
  /** The session has ended, or the node cannot: it is full, stopped, or `connect` crashed. The client comes back. */
  | ({ readonly status: 500 } & HttpReply);

/** An answer whose HTTP status is not 200. */
interface HttpReply {
  readonly http: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The node cannot take sessions now. */
export const UNAVAILABLE: PollReply = { status: 500, http: 503 };

/**
 * The session ended while it was polled. Who polls next is told 410, as in Phoenix; but after 410 clients of old go on
 * polling as if nothing had happened, with channels that are no more. After 500 every client connects and joins anew.
 */
const ENDED: PollReply = { status: 500, http: 200 };

/** What the long poll of a mount needs around it. */
export interface LongPollSurroundings extends PollSurroundings {
  readonly signerFor: SignerFor;
  /** Whether the node takes sessions now. */
  readonly serving: () => boolean;
}

const TOO_MANY_REQUESTS = 429;

/** Sweeps for forgotten sessions within one window. */
const SWEEPS = 4;

/** Long poll at one mount: finds sessions by their tokens, wherever they live, and opens new ones. */
export class LongPoll {
  readonly mount: MountedSocket;
  readonly match: PathMatcher;
  readonly #settings: Required<LongPollOptions>;
  readonly #around: LongPollSurroundings;
  readonly #signer: TokenSigner;
  readonly #sessions: PollSessions;

  constructor(
    mount: MountedSocket,
    settings: Required<LongPollOptions> & { readonly match: PathMatcher },
    around: LongPollSurroundings,
  ) {
    this.mount = mount;
    this.match = settings.match;
    this.#settings = settings;
    this.#around = around;
    // A token of one mount is worth nothing at another: their rules may differ.
    this.#signer = around.signerFor(`simurgh long poll ${mount.path}`);
    this.#sessions = new PollSessions(mount, settings, around);
  }

  /** Begins to end forgotten sessions. */
  start(): Cancel {
    const { clock } = this.#around;
    const period = Math.max(1, Math.floor(this.#settings.windowMs / SWEEPS));
    let lastMs = clock.monotonic();
    return clock.every(period, () => {
      const sinceMs = clock.monotonic() - lastMs;
      lastMs += sinceMs;
      // A node that stood still has yet to see the polls that came meanwhile.
      if (sinceMs < 2 * period) this.#sessions.sweep();
    });
  }

  /** The session of a token. Undefined: the token is worth nothing, or its session is known to be gone. */
  find(token: string | undefined): PollTarget | undefined {
    if (token === undefined || token === "") return undefined;
    const place = verifyPlace(this.#signer, token, this.#settings.tokenMaxAgeS);
    if (place === undefined) return undefined;
    const here = this.#sessions.find(place.topic);
    if (here !== undefined || !this.#reachable(place.node)) return here;
    return new RemoteSession(place.topic, this.#around.exchange, this.#settings);
  }

  #reachable(node: string): boolean {
    const { pubsub } = this.#around;
    if (pubsub.engine === "local" || node === pubsub.nodeName) return false;
    const known = pubsub.nodes();
    return known.length === 0 || known.includes(node);
  }

  /** A GET: waits for messages, or opens a session. Never rejects. */
  async poll(handshake: Handshake, token: string | undefined, gone: AbortSignal): Promise<PollReply> {
    const answer = await this.find(token)?.poll(gone);
    if (answer !== undefined && token !== undefined) return toReply(answer, token);
    const decision = await this.mount.connect({ ...handshake, watch: watchOf(gone) });
    if (decision.kind === "refused") {
      this.#around.counters.refused_connects_total++;
      return toRefusal(decision);
    }
    // The endpoint may have stopped, or the client gone, while the application decided.
    const wanted = this.#around.serving() && !gone.aborted;
    const session = wanted ? await this.#sessions.open(decision) : undefined;
    if (session === undefined) {
      this.#around.counters.refused_connects_total++;
      return UNAVAILABLE;
    }
    // Its token reaches nobody then.
    if (gone.aborted) session.expire();
    else gone.addEventListener("abort", () => session.expire(), { once: true });
    const place = { node: this.#around.pubsub.nodeName, topic: session.topic };
    return { status: 410, token: signPlace(this.#signer, place), messages: [] };
  }
}

function toRefusal({ answer, token }: ConnectDecision & { readonly kind: "refused" }): PollReply {
  const { status: http, headers = {} } = answer;
  if (token !== undefined) return { status: http < 500 ? 403 : 500, http, headers };
  // 429 passes, so that it is for the client to come back; 403 would be final.
  if (http < 500 && http !== TOO_MANY_REQUESTS) return { status: 403 };
  return { status: 500, http, headers };
}

function watchOf(signal: AbortSignal): (gone: () => void) => () => void {
  return (gone) => {
    signal.addEventListener("abort", gone, { once: true });
    return () => signal.removeEventListener("abort", gone);
  };
}

function toReply({ status, messages }: PollAnswer, token: string): PollReply {
  return status === 410 ? ENDED : { status, token, messages };
}
