import type { Frame } from "../contracts/frame.js";
import type { Message } from "../core/protocol/message.js";
import { Channel } from "./channel.js";
import type { Mount, RouteTarget } from "./mount.js";
import { error, isPromise, type MaybePromise, type Reply } from "./result.js";
import { type Checked, check } from "./schema.js";
import type { Session } from "./session.js";

/** What a join came to. `params` are the schema's output. */
export interface JoinOutcome {
  readonly admitted: boolean;
  /** The answer, encoded: what cannot be encoded is a crashed join. */
  readonly frame: Frame;
  readonly params: unknown;
}

/** One join on its way: params checked, the author asked, other nodes told. A promise only where one of them is. */
export class JoinAttempt {
  readonly message: Message;
  /** Absent while the author has not been asked, and when that failed. */
  channel: Channel | undefined = undefined;
  readonly #session: Session;
  readonly #mount: Mount;
  readonly #target: RouteTarget;
  readonly #topic: string;
  #holdsTopic = false;

  constructor(session: Session, mount: Mount, target: RouteTarget, topic: string, message: Message) {
    this.#session = session;
    this.#mount = mount;
    this.#target = target;
    this.#topic = topic;
    this.message = message;
  }

  /** Never rejects and never throws: a crash is an outcome. Where the node has too many joins under way, it waits. */
  run(): MaybePromise<JoinOutcome> {
    const turn = this.#mount.guards.joins.enter();
    return turn === undefined ? this.#inPlace() : turn.then((admitted) => this.#late(admitted));
  }

  /** The node has a place for this join; it is given back when the join is answered. */
  #inPlace(): MaybePromise<JoinOutcome> {
    const { joins } = this.#mount.guards;
    let outcome: MaybePromise<JoinOutcome> | undefined;
    try {
      outcome = this.#begin();
      return isPromise(outcome) ? outcome.finally(() => joins.leave()) : outcome;
    } finally {
      if (!isPromise(outcome)) joins.leave();
    }
  }

  #late(admitted: boolean): MaybePromise<JoinOutcome> {
    // The client may have gone meanwhile; its place is then the next one's.
    if (admitted && !this.#session.ended) return this.#inPlace();
    const { joins, limits } = this.#mount.guards;
    if (admitted) joins.leave();
    return this.#outcome(error({ reason: "too many joins", retry_after_ms: limits.joinWaitMs }), undefined);
  }

  #begin(): MaybePromise<JoinOutcome> {
    try {
      const refusal = this.#session.auth?.joinRefusal(this.#topic);
      if (refusal !== undefined) return this.#outcome(refusal, undefined);
      const checked = check(this.#target.callbacks.params, this.message.payload);
      const outcome = isPromise(checked)
        ? checked.then((done: Checked) => this.#ask(done))
        : this.#ask(checked);
      return isPromise(outcome) ? outcome.then(undefined, (cause: unknown) => this.#crashed(cause)) : outcome;
    } catch (cause) {
      return this.#crashed(cause);
    }
  }

  /** The outcome by what the client may do now. */
  recheck(outcome: JoinOutcome): JoinOutcome {
    const refusal = outcome.admitted ? this.#session.auth?.joinRefusal(this.#topic) : undefined;
    return refusal === undefined ? outcome : this.#outcome(refusal, undefined);
  }

  /** Ends what the attempt held; call it when the outcome has been acted upon. */
  release(): void {
    if (!this.#holdsTopic) return;
    this.#holdsTopic = false;
    this.#mount.pubsub.release(this.#topic);
  }

  #ask(checked: Checked): MaybePromise<JoinOutcome> {
    if ("refusal" in checked) return this.#outcome(checked.refusal, undefined);
    const { callbacks, assigns } = this.#target;
    const channel = new Channel(this.#session, callbacks, this.#topic, this.message, assigns);
    this.channel = channel;
    const answer = channel.authorize(checked.value);
    if (isPromise(answer)) return answer.then((late) => this.#announce(this.#outcome(late, checked.value)));
    return this.#announce(this.#outcome(answer, checked.value));
  }

  #outcome(reply: Reply, params: unknown): JoinOutcome {
    const { message } = this;
    const frame = this.#session.encodeAnswer(message, message.joinRef, reply);
    return { admitted: reply.status === "ok", frame, params };
  }

  #announce(outcome: JoinOutcome): MaybePromise<JoinOutcome> {
    if (!outcome.admitted || this.#session.ended) return outcome;
    const announced = this.#mount.pubsub.announce(this.#topic);
    this.#holdsTopic = true;
    return announced === undefined ? outcome : announced.then(() => outcome);
  }

  #crashed(cause: unknown): JoinOutcome {
    this.#session.reportCrash("join crashed", this.#topic, cause);
    this.channel?.end({ kind: "crashed", error: cause });
    this.channel = undefined;
    return this.#outcome(error({ reason: "join crashed" }), undefined);
  }
}
