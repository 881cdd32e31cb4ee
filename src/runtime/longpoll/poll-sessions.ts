import type { Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import type { Broadcast } from "../broadcast.js";
import type { ConnectDecision } from "../connect.js";
import type { Counters } from "../counters.js";
import type { LimitReports } from "../limits/limit-reports.js";
import type { MountedSocket } from "../mounted-socket.js";
import type { PubSub, Subscriber } from "../pubsub.js";
import { GONE } from "./answers.js";
import type { PollExchange } from "./exchange.js";
import { PollSession } from "./poll-session.js";
import { PollSink } from "./poll-sink.js";
import { decodeRequest, PIECE_BYTES, type PollRequest, TOPIC_PREFIX } from "./poll-wire.js";

/** What the sessions of a mount need around them. */
export interface PollSurroundings {
  readonly exchange: PollExchange;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly reports: LimitReports;
}

/** Limits of the sessions of a mount. */
export interface PollSessionLimits {
  readonly windowMs: number;
  readonly sessionsMax: number;
}

/** A session without a poll is over after this many windows, as in Phoenix. */
const UNPOLLED_WINDOWS = 1.5;

/** The long-poll sessions of one mount that live on this node, by their topics; serves other nodes, too. */
export class PollSessions {
  readonly #mount: MountedSocket;
  readonly #limits: PollSessionLimits;
  readonly #around: PollSurroundings;
  readonly #sessions = new Map<string, PollSession>();
  /** Sessions about to open. */
  #opening = 0;

  constructor(mount: MountedSocket, limits: PollSessionLimits, around: PollSurroundings) {
    this.#mount = mount;
    this.#limits = limits;
    this.#around = around;
  }

  /** The session with that topic. */
  find(topic: string): PollSession | undefined {
    return this.#sessions.get(topic);
  }

  /** Opens a session; resolves when every node can reach it. Undefined: there are too many. */
  async open(decision: ConnectDecision & { readonly kind: "accepted" }): Promise<PollSession | undefined> {
    const { pubsub, random, reports } = this.#around;
    if (this.#sessions.size + this.#opening >= this.#limits.sessionsMax) {
      reports.exceeded("refused_polls_total", "longpoll.sessionsMax", { path: this.#mount.path });
      return undefined;
    }
    const topic = TOPIC_PREFIX + Buffer.from(random.bytes(18)).toString("base64url");
    const announced = pubsub.announce(topic);
    this.#opening++;
    try {
      await announced;
      return this.#create(topic, decision);
    } finally {
      this.#opening--;
      pubsub.release(topic);
    }
  }

  #create(topic: string, decision: ConnectDecision & { readonly kind: "accepted" }): PollSession {
    const { pubsub, clock, logger, counters } = this.#around;
    const { windowMs } = this.#limits;
    const sink = new PollSink({
      clock,
      windowMs,
      counters,
      onBinary: () => logger.warn("binary message to a long-poll client", { path: this.#mount.path }),
      onGone: () => {
        this.#sessions.delete(topic);
        pubsub.unsubscribe(topic, subscriber);
      },
    });
    const open = this.#mount.open(decision, "longpoll", sink);
    sink.bind(open);
    const session = new PollSession(topic, open, sink, clock, windowMs);
    const subscriber = this.#serverOf(session);
    pubsub.subscribe(topic, subscriber);
    this.#sessions.set(topic, session);
    return session;
  }

  /** Ends the sessions that nobody polls any more. */
  sweep(): void {
    for (const session of this.#sessions.values()) {
      if (session.unpolledMs > UNPOLLED_WINDOWS * this.#limits.windowMs) session.expire();
    }
  }

  /** Handles what other nodes ask of a session. */
  #serverOf(session: PollSession): Subscriber {
    const polls = new Map<string, AbortController>();
    const serve = (request: PollRequest): void => {
      const key = `${request.id} ${request.from}`;
      if (request.kind === "post") return this.#servePost(session, request);
      if (request.kind === "drop") return polls.get(key)?.abort();
      const gone = new AbortController();
      polls.set(key, gone);
      this.#servePoll(session, request, gone.signal, () => polls.delete(key));
    };
    return {
      receive: (broadcast: Broadcast): void => {
        const request = decodeRequest(broadcast);
        if (request !== undefined) this.#around.pubsub.afterDispatch(() => serve(request));
      },
    };
  }

  #servePost(session: PollSession, { id, from, frames }: PollRequest): void {
    const { exchange } = this.#around;
    exchange.answer(from, { kind: "taken", id });
    void session
      .post(frames)
      .then((status) => exchange.answer(from, { kind: "done", id, status, messages: [] }));
  }

  #servePoll(session: PollSession, request: PollRequest, gone: AbortSignal, done: () => void): void {
    const { exchange, logger } = this.#around;
    const { id, from } = request;
    exchange.answer(from, { kind: "taken", id });
    void session.poll(gone, PIECE_BYTES).then((answer) => {
      done();
      if (gone.aborted || exchange.answer(from, { kind: "done", id, ...answer })) return;
      logger.warn("message too large to be polled on another node", { path: this.#mount.path });
      session.expire();
      exchange.answer(from, { kind: "done", id, ...GONE });
    });
  }
}
