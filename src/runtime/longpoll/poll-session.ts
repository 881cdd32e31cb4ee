import type { Clock } from "../../contracts/clock.js";
import type { Session } from "../session.js";
import { within } from "../within.js";
import type { ClientFrame, PollAnswer, PollTarget, PostStatus } from "./answers.js";
import type { PollSink } from "./poll-sink.js";

/** Requests with messages that wait for the one under way. Beyond: 408. The official client sends one at a time. */
const POSTS_MAX = 8;

/** A session of this node, and the requests that come to it from wherever. */
export class PollSession implements PollTarget {
  /** Random, and known to the client and this cluster only: whoever knows it may ask for the messages. */
  readonly topic: string;
  readonly #session: Session;
  readonly #sink: PollSink;
  readonly #clock: Clock;
  readonly #windowMs: number;
  #posts = 0;
  #lastPost: Promise<unknown> = Promise.resolve();

  constructor(topic: string, session: Session, sink: PollSink, clock: Clock, windowMs: number) {
    this.topic = topic;
    this.#session = session;
    this.#sink = sink;
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Milliseconds since a request waited. */
  get unpolledMs(): number {
    return this.#sink.unpolledMs;
  }

  /** Ends the session: its client has gone. */
  expire(): void {
    this.#sink.terminate();
  }

  poll(gone: AbortSignal, bytesMax = Number.POSITIVE_INFINITY): Promise<PollAnswer> {
    return this.#sink.poll(bytesMax, gone);
  }

  post(frames: readonly ClientFrame[]): Promise<PostStatus> {
    if (this.#sink.gone) return Promise.resolve(410);
    if (this.#posts >= POSTS_MAX) return Promise.resolve(408);
    this.#posts++;
    const handled = this.#lastPost.then(() => this.#handleAll(frames));
    this.#lastPost = handled;
    return handled;
  }

  async #handleAll(frames: readonly ClientFrame[]): Promise<PostStatus> {
    try {
      for (const frame of frames) {
        // A join that a message before this one began, and that its own request did not wait for to the end.
        if (!(await this.#joinsAnswered())) return 408;
        if (this.#sink.gone) return 410;
        if (typeof frame === "string") this.#session.onText(frame);
        else this.#session.onBinary(frame);
      }
      if (!(await this.#joinsAnswered())) return 408;
      return this.#sink.gone ? 410 : 200;
    } finally {
      this.#posts--;
    }
  }

  /** False: the window was over first. */
  async #joinsAnswered(): Promise<boolean> {
    const deadline = this.#clock.monotonic() + this.#windowMs;
    for (let joining = this.#session.joining; joining !== undefined; joining = this.#session.joining) {
      const left = deadline - this.#clock.monotonic();
      if (
        left <= 0 ||
        !(await within(
          this.#clock,
          left,
          joining.then(() => true),
        ))
      )
        return false;
    }
    return true;
  }
}
