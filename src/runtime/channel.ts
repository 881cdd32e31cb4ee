import { type Message, phx, type Ref } from "../core/protocol/message.js";
import { quoteRef } from "../core/protocol/quote.js";
import { Broadcast } from "./broadcast.js";
import type { ChannelCallbacks } from "./channel-definition.js";
import type {
  BroadcastEvent,
  ChannelContext,
  SocketFacts,
  SocketRef,
  TerminateReason,
} from "./channel-types.js";
import { SimurghError } from "./errors.js";
import type { Subscriber } from "./pubsub.js";
import { type HandlerResult, isPromise, type MaybePromise, type Reply } from "./result.js";
import { check } from "./schema.js";
import type { WireAddress } from "./serializer.js";
import type { Session } from "./session.js";

/** A message that reached the channel from inside the node. */
class Info {
  readonly message: unknown;
  constructor(message: unknown) {
    this.message = message;
  }
}

/** One thing for a channel to handle: from the client, intercepted, or from inside. */
type Task = Message | Broadcast | Info;

/** A subscription that a channel made by hand. */
interface ManualSubscription extends Subscriber {
  readonly topic: string;
}

/** Event payloads as the runner sees them: their author's types end where the channel was written. */
type AnyEvents = { readonly [event: string]: object };

/**
 * Runs one channel: a client's membership in one topic. It handles one task at a time, in order, also while a
 * handler awaits; a handler that returns no promise costs none. A throw ends this channel and nothing else.
 */
export class Channel implements ChannelContext<Record<string, unknown>, AnyEvents>, Subscriber, WireAddress {
  readonly topic: string;
  readonly topicJson: string;
  /** The join's join_ref; its ref when it had none. Goes with pushes and replies. */
  readonly joinRef: Ref;
  readonly joinRefJson: string;
  /** The join_ref as the client sent it: the socket judges later messages by it, and ends the channel with it. */
  readonly sentJoinRef: Ref;
  readonly assigns: Record<string, unknown>;
  readonly #session: Session;
  readonly #callbacks: ChannelCallbacks;
  #state: "joining" | "joined" | "terminating" | "ended" = "joining";
  /** Whether `join` let the client in: from then on `terminate` is owed. */
  #admitted = false;
  #busy = true;
  #inbox: Task[] | undefined = undefined;
  /** The message being handled, for `socketRef`. */
  #handling: Message | undefined = undefined;
  #subscriptions: ManualSubscription[] | undefined = undefined;

  constructor(
    session: Session,
    callbacks: ChannelCallbacks,
    topic: string,
    join: Message,
    routeAssigns: object,
  ) {
    this.#session = session;
    this.#callbacks = callbacks;
    this.topic = topic;
    this.topicJson = JSON.stringify(topic);
    this.sentJoinRef = join.joinRef;
    this.joinRef = join.joinRef ?? join.ref;
    this.joinRefJson = quoteRef(this.joinRef);
    this.assigns = { ...session.assigns, ...routeAssigns, ...callbacks.assigns?.() };
  }

  get socket(): SocketFacts {
    return this.#session;
  }

  /** Asks the author's `join`. The session waits for the answer before it handles anything else. */
  authorize(params: unknown): MaybePromise<Reply> {
    const answer = this.#callbacks.join(this as never, params as never);
    return isPromise(answer)
      ? answer.then((late: Reply) => this.#noteAnswer(late))
      : this.#noteAnswer(answer);
  }

  #noteAnswer(answer: Reply): Reply {
    if (answer?.kind !== "reply") throw new TypeError("join must return ok(…) or error(…)");
    this.#admitted = answer.status === "ok";
    return answer;
  }

  /** The join reply is out: handle what has waited, the author's `afterJoin` first. */
  joined(params: unknown): void {
    this.#state = "joined";
    const { afterJoin } = this.#callbacks;
    if (afterJoin === undefined) this.#next();
    else this.#perform(undefined, () => afterJoin(this as never, params as never));
  }

  /** Whether the client's messages reach this channel. */
  get alive(): boolean {
    return this.#state === "joining" || this.#state === "joined";
  }

  /** Takes a message of the client. */
  handle(message: Message): void {
    this.#accept(message);
  }

  /** Takes a broadcast on this channel's topic: straight to the client, unless the author intercepts the event. */
  receive(broadcast: Broadcast): void {
    if (this.#callbacks.out.has(broadcast.event)) this.#accept(broadcast);
    else this.#session.sendBroadcast(broadcast);
  }

  push(event: string, payload: object): void {
    if (this.#state === "joining") throw notJoined("push", this.topic);
    if (this.#state !== "ended") this.#session.push(this, event, payload);
  }

  broadcast(event: string, payload: object): void {
    if (this.#state === "joining") throw notJoined("broadcast", this.topic);
    this.#session.pubsub.broadcast(this.topic, event, payload);
  }

  broadcastFrom(event: string, payload: object): void {
    if (this.#state === "joining") throw notJoined("broadcastFrom", this.topic);
    this.#session.pubsub.broadcast(this.topic, event, payload, this);
  }

  socketRef(): SocketRef | undefined {
    const message = this.#handling;
    if (message === undefined || message.ref === null) return undefined;
    const { ref } = message;
    return { reply: (reply) => this.#session.reply(this, ref, reply) };
  }

  send(message: unknown): void {
    this.#accept(new Info(message));
  }

  subscribe(topic: string): void {
    const subscription: ManualSubscription = {
      topic,
      // What this channel sends to all others does not come back to it on another way, either.
      receive: (broadcast, from) => {
        if (from !== this) this.#accept(new Info(broadcast));
      },
    };
    this.#subscriptions ??= [];
    this.#subscriptions.push(subscription);
    this.#session.pubsub.subscribe(topic, subscription);
  }

  unsubscribe(topic: string): void {
    const kept: ManualSubscription[] = [];
    for (const subscription of this.#subscriptions ?? []) {
      if (subscription.topic === topic) this.#session.pubsub.unsubscribe(topic, subscription);
      else kept.push(subscription);
    }
    this.#subscriptions = kept.length > 0 ? kept : undefined;
  }

  stop(reason = "normal"): void {
    if (this.#state === "joining") throw notJoined("stop", this.topic);
    this.end({ kind: "stopped", reason });
  }

  /** Ends the channel: it hears nothing more, the session forgets it, `terminate` runs, the client is told. */
  end(reason: TerminateReason): void {
    if (!this.alive) return;
    const tell = this.#state === "joined" ? endEvent(reason) : undefined;
    this.#state = reason.kind === "rejoined" || reason.kind === "closed" ? "ended" : "terminating";
    this.#inbox = undefined;
    for (const { topic } of this.#subscriptions ?? []) this.unsubscribe(topic);
    this.#session.forget(this);
    // As in Phoenix: what `terminate` pushes follows a phx_close, and precedes a phx_error.
    if (tell === phx.close) this.#session.sendEnd(this, phx.close);
    if (this.#admitted) this.#terminate(reason);
    if (tell === phx.error) this.#session.sendEnd(this, phx.error);
  }

  #terminate(reason: TerminateReason): void {
    const finish = (): void => {
      this.#state = "ended";
    };
    const fail = (cause: unknown): void => {
      finish();
      this.#session.reportCrash("terminate crashed", this.topic, cause);
    };
    try {
      const result = this.#callbacks.terminate?.(this as never, reason);
      if (isPromise(result)) result.then(finish, fail);
      else finish();
    } catch (cause) {
      fail(cause);
    }
  }

  #accept(task: Task): void {
    if (this.#busy) this.#enqueue(task);
    else this.#run(task);
  }

  #enqueue(task: Task): void {
    if (!this.alive) return;
    this.#inbox ??= [];
    if (this.#inbox.push(task) <= this.#session.limits.inboxMax) return;
    this.#session.reportOverload(this.topic);
    this.end({ kind: "stopped", reason: "inbox full" });
  }

  #run(task: Task): void {
    if (!this.alive) return;
    if (task instanceof Broadcast) this.#perform(undefined, () => this.#intercepted(task));
    else if (task instanceof Info) this.#perform(undefined, () => this.#informed(task.message));
    else if (task.event === phx.leave) this.#leave(task);
    else this.#perform(task, undefined);
  }

  /** Runs a callback: the handler of `message`, or `other`. */
  #perform(message: Message | undefined, other: (() => MaybePromise<HandlerResult>) | undefined): void {
    this.#busy = true;
    this.#handling = message;
    try {
      const result = message === undefined ? other?.() : this.#dispatch(message);
      if (isPromise(result)) {
        result.then(
          (late) => this.#settle(message, late),
          (cause: unknown) => this.#crash(cause),
        );
      } else this.#settle(message, result);
    } catch (cause) {
      this.#crash(cause);
    }
  }

  #dispatch(message: Message): MaybePromise<HandlerResult> {
    const event = String(message.event);
    const handler = this.#callbacks.in.get(event);
    if (handler === undefined) throw new TypeError(`no handler for event ${JSON.stringify(message.event)}`);
    const schema = this.#callbacks.payloads.get(event);
    if (schema === undefined) return handler(this as never, message.payload as never);
    const checked = check(schema, message.payload);
    if (isPromise(checked)) {
      return checked.then((done) =>
        "refusal" in done ? done.refusal : handler(this as never, done.value as never),
      );
    }
    return "refusal" in checked ? checked.refusal : handler(this as never, checked.value as never);
  }

  #intercepted(broadcast: Broadcast): MaybePromise<HandlerResult> {
    const handler = this.#callbacks.out.get(broadcast.event);
    if (handler === undefined)
      throw new TypeError(`no out handler for event ${JSON.stringify(broadcast.event)}`);
    return handler(this as never, broadcast.payload as never);
  }

  #informed(message: unknown): MaybePromise<HandlerResult> {
    // A subscription by hand to the own topic is an interception, as in Phoenix.
    if (message instanceof Broadcast && message.topic === this.topic) return this.#intercepted(message);
    const { info } = this.#callbacks;
    if (info === undefined) {
      this.#session.reportUnexpected(this.topic);
      return undefined;
    }
    const told = message instanceof Broadcast ? toEvent(message) : message;
    return info(this as never, told as never);
  }

  #leave(message: Message): void {
    this.#session.reply(this, message.ref, { kind: "reply", status: "ok", response: {} });
    this.end({ kind: "left" });
  }

  #settle(message: Message | undefined, result: HandlerResult): void {
    if (this.#state !== "joined") return;
    try {
      this.#obey(message, result);
    } catch (cause) {
      this.#crash(cause);
      return;
    }
    this.#next();
  }

  #obey(message: Message | undefined, result: HandlerResult): void {
    if (result === undefined) return;
    if (result?.kind !== "reply" && result?.kind !== "stop") {
      throw new TypeError("a handler must return ok(…), error(…), reply(…), stop(…) or nothing");
    }
    const reply = result.kind === "stop" ? result.reply : result;
    if (reply !== undefined && message !== undefined) this.#session.reply(this, message.ref, reply);
    if (result.kind === "stop") this.end({ kind: "stopped", reason: result.reason });
  }

  #next(): void {
    this.#busy = false;
    this.#handling = undefined;
    const task = this.#inbox?.shift();
    if (task !== undefined) this.#run(task);
    else this.#inbox = undefined;
  }

  #crash(cause: unknown): void {
    if (this.alive) this.#session.reportCrash("channel crashed", this.topic, cause);
    this.end({ kind: "crashed", error: cause });
  }
}

/** What the client of a joined channel is told at its end; after a lost connection or a new join nothing. */
function endEvent(reason: TerminateReason): typeof phx.close | typeof phx.error | undefined {
  switch (reason.kind) {
    case "left":
      return phx.close;
    case "stopped":
      return reason.reason === "normal" || reason.reason === "shutdown" ? phx.close : phx.error;
    case "crashed":
      return phx.error;
    case "closed":
    case "rejoined":
      return undefined;
    default:
      return reason satisfies never;
  }
}

function notJoined(call: string, topic: string): SimurghError {
  return new SimurghError("not_joined", `${call} on ${JSON.stringify(topic)} before join has returned`);
}

function toEvent({ topic, event, payload }: Broadcast): BroadcastEvent {
  return { topic, event, payload };
}
