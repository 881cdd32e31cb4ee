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

  /** Never rejects and never throws: a crash is an outcome. */
  run(): MaybePromise<JoinOutcome> {
    try {
      const checked = check(this.#target.callbacks.params, this.message.payload);
      const outcome = isPromise(checked)
        ? checked.then((done: Checked) => this.#ask(done))
        : this.#ask(checked);
      return isPromise(outcome) ? outcome.then(undefined, (cause: unknown) => this.#crashed(cause)) : outcome;
    } catch (cause) {
      return this.#crashed(cause);
    }
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
