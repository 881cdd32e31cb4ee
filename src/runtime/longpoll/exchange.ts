import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import type { Broadcast } from "../broadcast.js";
import { SimurghError } from "../errors.js";
import type { PubSub, Subscriber } from "../pubsub.js";
import type { PollAnswer, PostStatus } from "./answers.js";
import {
  answerTopic,
  decodeResponse,
  encodeRequest,
  type PollRequest,
  type PollResponse,
} from "./poll-wire.js";

/** How a question to another node came out. */
export type AskOutcome =
  | {
      readonly kind: "done";
      readonly status: PollAnswer["status"] | PostStatus;
      readonly messages: readonly string[];
    }
  /** No node has such a session, or none that can be reached. */
  | { readonly kind: "nobody" }
  /** The session was there, but gave no answer in time; or nobody waits for it any more. */
  | { readonly kind: "late" }
  /** The engine between the nodes cannot carry the question. */
  | { readonly kind: "too_large" };

/** How long a question waits. */
export interface AskTimes {
  /** Until a node says that it has the session. */
  readonly takenMs: number;
  /** From then until the answer. */
  readonly doneMs: number;
}

/** A question that is out. */
interface Asked {
  taken(): void;
  finish(outcome: AskOutcome): void;
  /** Tells the other node that nobody waits any more. */
  drop(): void;
}

/** Asks other nodes about their sessions, over PubSub: by the session's topic there, by this node's topic back. */
export class PollExchange implements Subscriber {
  readonly #pubsub: PubSub;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #from: string;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(pubsub: PubSub, clock: Clock, random: Random, logger: Logger) {
    this.#pubsub = pubsub;
    this.#clock = clock;
    this.#logger = logger;
    this.#from = Buffer.from(random.bytes(18)).toString("base64url");
  }

  /** Resolves when answers can come. */
  async start(): Promise<void> {
    const topic = answerTopic(this.#from);
    const announced = this.#pubsub.announce(topic);
    this.#pubsub.subscribe(topic, this);
    await announced;
    this.#pubsub.release(topic);
  }

  /** Ends every wait as if its time were over: the sessions live on, and other nodes serve them. */
  stop(): void {
    this.#pubsub.unsubscribe(answerTopic(this.#from), this);
    for (const asked of [...this.#asked.values()]) asked.drop();
  }

  receive(broadcast: Broadcast): void {
    const response = decodeResponse(broadcast);
    if (response === undefined) return;
    const asked = this.#asked.get(response.id);
    if (response.kind === "taken") asked?.taken();
    else asked?.finish(response);
  }

  /** Asks the node whose session has this topic. Never rejects. */
  ask(
    topic: string,
    request: Pick<PollRequest, "kind" | "frames">,
    times: AskTimes,
    gone?: AbortSignal,
  ): Promise<AskOutcome> {
    this.#lastId++;
    const whole: PollRequest = { ...request, id: this.#lastId, from: this.#from };
    return new Promise((resolve) => {
      let cancel: Cancel = this.#clock.after(times.takenMs, () => finish({ kind: "nobody" }));
      const finish = (outcome: AskOutcome): void => {
        cancel();
        gone?.removeEventListener("abort", drop);
        this.#asked.delete(whole.id);
        resolve(outcome);
      };
      const drop = (): void => {
        this.#publish(topic, "drop", encodeRequest({ ...whole, kind: "drop", frames: [] }));
        finish({ kind: "late" });
      };
      const taken = (): void => {
        cancel();
        cancel = this.#clock.after(times.doneMs, () => finish({ kind: "late" }));
      };
      this.#asked.set(whole.id, { taken, finish, drop });
      gone?.addEventListener("abort", drop, { once: true });
      const fault = this.#publish(topic, whole.kind, encodeRequest(whole));
      if (fault !== undefined) finish({ kind: fault });
    });
  }

  /** Answers another node's question. False: the engine cannot carry the answer. */
  answer(to: string, { kind, ...payload }: PollResponse): boolean {
    return this.#publish(answerTopic(to), kind, payload) === undefined;
  }

  #publish(topic: string, event: string, payload: object): "nobody" | "too_large" | undefined {
    try {
      this.#pubsub.broadcast(topic, event, payload);
      return undefined;
    } catch (cause) {
      if (cause instanceof SimurghError && cause.code === "payload_too_large") return "too_large";
      this.#logger.warn("long poll cannot reach other nodes", { error: String(cause) });
      return "nobody";
    }
  }
}
