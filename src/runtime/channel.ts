import { type Message, phx, type Ref } from "../core/protocol/message.js";
import { quoteRef } from "../core/protocol/quote.js";
import { Fifo } from "../core/shared/fifo.js";
import { Broadcast } from "./broadcast.js";
import type { ChannelCallbacks } from "./channel-definition.js";
import { ChannelSubscriptions } from "./channel-subscriptions.js";
import { endEvent, Inner, type Task } from "./channel-tasks.js";
import type {
  BroadcastEvent,
  ChannelContext,
  SocketFacts,
  SocketRef,
  TerminateReason,
} from "./channel-types.js";
import { SimurghError } from "./errors.js";
import type { PresenceRegistry } from "./mount.js";
import type { Subscriber } from "./pubsub.js";
import { type HandlerResult, isPromise, type MaybePromise, type Reply } from "./result.js";
import { check } from "./schema.js";
import type { WireAddress } from "./serializer.js";
import type { Session } from "./session.js";

/** Tasks that one channel handles in a row; then the rest of the node has its turn. */
const TASKS_PER_TURN = 1_000;

/** Characters of an event name without handler that are logged: clients choose them. */
const EVENT_LOG_LENGTH = 100;

/** Event payloads as the runner sees them: their author's types end where the channel was written. */
type AnyEvents = { readonly [event: string]: object };

/**
 * Runs one channel: a client's membership in one topic. It handles one task at a time, in order, also while a
 * handler awaits; a handler that returns no promise costs none. A throw ends this channel and nothing else.
 * `terminate` is a callback like the others: it never runs beside another one.
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
  /** Whether a callback is under way; until the join is answered, that is `join`. */
  #busy = true;
  /** Absent while nothing waits, for idle channels are many. */
  #inbox: Fifo<Task> | undefined = undefined;
  /** Why the channel has ended, while `terminate` waits for the callback under way. */
  #owed: TerminateReason | undefined = undefined;
  /** The message being handled, for `socketRef`. */
  #handling: Message | undefined = undefined;
  #subscriptions: ChannelSubscriptions | undefined = undefined;
  /** What else ends with this channel. */
  #endings: (() => void)[] | undefined = undefined;

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
    this.assigns = { ...session.assigns, ...callbacks.assigns?.(), ...routeAssigns };
  }

  get socket(): SocketFacts {
    return this.#session;
  }

  /** The presences that run on this node. */
  get presences(): PresenceRegistry {
    return this.#session.presences;
  }

  /** Whether the client's permissions grant that it is tracked in a topic. */
  mayTrack(topic: string): boolean {
    return this.#session.auth?.mayTrack(topic) ?? true;
  }

  /** Calls `ending` once, when this channel has ended for whatever reason. MUST NOT be called after that. */
  onEnd(ending: () => void): void {
    this.#endings ??= [];
    this.#endings.push(ending);
  }

  /** Throws `not_joined` while the join is not answered: nothing can be pushed yet. */
  requireJoined(call: string): void {
    if (this.#state === "joining") throw notJoined(call, this.topic);
  }

  /** Asks the author's `join`. The session waits for the answer before it handles anything else. */
  authorize(params: unknown): MaybePromise<Reply> {
    const answer = this.#callbacks.join(this, params);
    return isPromise(answer)
      ? Promise.resolve(answer).then((late: Reply) => this.#noteAnswer(late))
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
    this.#busy = false;
    if ((this.#inbox?.length ?? 0) > this.#session.limits.inboxMax) this.#overflow();
    else if (this.#callbacks.afterJoin === undefined) this.#continue();
    else this.#work(new Inner("afterJoin", params));
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
    if (!this.#callbacks.out.has(broadcast.event)) this.#session.sendBroadcast(broadcast);
    else this.#session.pubsub.afterDispatch(() => this.#accept(new Inner("out", broadcast)));
  }

  push(event: string, payload: object): void {
    this.requireJoined("push");
    if (this.#state !== "ended") this.#session.push(this, event, payload);
  }

  broadcast(event: string, payload: object): void {
    this.requireJoined("broadcast");
    this.#session.pubsub.broadcast(this.topic, event, payload);
  }

  broadcastFrom(event: string, payload: object): void {
    this.requireJoined("broadcastFrom");
    this.#session.pubsub.broadcast(this.topic, event, payload, this);
  }

  socketRef(): SocketRef | undefined {
    const message = this.#handling;
    if (message === undefined || message.ref === null) return undefined;
    const { ref } = message;
    return { reply: (reply) => this.#session.reply(this, ref, reply) };
  }

  send(message: unknown): void {
    this.#accept(new Inner("info", message));
  }

  subscribe(topic: string): void {
    // Nobody would ever end what a handler that outlived its channel subscribes to.
    if (!this.alive) return;
    this.#subscriptions ??= new ChannelSubscriptions(this.#session.pubsub, (broadcast) =>
      this.#accept(new Inner("info", broadcast)),
    );
    this.#subscriptions.add(topic, this);
  }

  unsubscribe(topic: string): void {
    this.#subscriptions?.remove(topic);
  }

  stop(reason = "normal"): void {
    this.requireJoined("stop");
    this.end({ kind: "stopped", reason });
  }

  /**
   * Ends the channel: it hears nothing more, the session forgets it, the client is told, `terminate` runs when the
   * callback under way has settled. What a client sent before it went away is still handled before that.
   */
  end(reason: TerminateReason): void {
    if (!this.alive) return;
    const joined = this.#state === "joined";
    const tell = joined ? endEvent(reason) : undefined;
    this.#state = reason.kind === "rejoined" || reason.kind === "closed" ? "ended" : "terminating";
    if (joined && this.#busy) this.#owed = reason;
    if (reason.kind !== "closed" || this.#owed === undefined) this.#inbox = undefined;
    this.#subscriptions?.clear();
    this.#session.forget(this);
    // As in Phoenix: what `terminate` pushes follows a phx_close, and precedes a phx_error.
    if (tell === phx.close) this.#session.sendEnd(this, phx.close, reason.kind);
    if (this.#owed === undefined && this.#admitted) this.#terminate(reason);
    if (tell === phx.error) this.#session.sendEnd(this, phx.error);
    const endings = this.#endings ?? [];
    this.#endings = undefined;
    for (const ending of endings) ending();
  }

  /** Ends the channel for what the callback that has just settled did. */
  #endAfterCallback(reason: TerminateReason): void {
    this.#busy = false;
    if (this.#owed === undefined) return this.end(reason);
    this.#owed = reason;
    this.#inbox = undefined;
  }

  #terminate(reason: TerminateReason): void {
    const { counters } = this.#session;
    const finish = (): void => {
      this.#state = "ended";
    };
    const fail = (cause: unknown): void => {
      finish();
      this.#session.reportCrash("terminate crashed", this.topic, cause);
    };
    try {
      const result = this.#callbacks.terminate?.(this, reason);
      if (!isPromise(result)) return finish();
      counters.callbacks_waiting++;
      const settled = () => void counters.callbacks_waiting--;
      Promise.resolve(result).then(finish, fail).then(settled);
    } catch (cause) {
      fail(cause);
    }
  }

  #accept(task: Task): void {
    if (this.#busy) this.#enqueue(task);
    else this.#work(task);
  }

  #enqueue(task: Task): void {
    if (!this.alive) return;
    const { inboxMax } = this.#session.limits;
    this.#inbox ??= new Fifo();
    // One more than allowed is the mark of a join during which too much came: `joined` sees it.
    if (this.#inbox.length > inboxMax) return;
    this.#inbox.push(task);
    if (this.#inbox.length > inboxMax && this.#state === "joined") this.#overflow();
  }

  #overflow(): void {
    this.#session.reportOverload(this.topic);
    this.end({ kind: "stopped", reason: "inbox full" });
  }

  /** Handles `task` and what waits behind it, until a callback awaits or nothing is left. */
  #work(first: Task): void {
    let task: Task | undefined = first;
    for (let ran = 1; task !== undefined; ran++) {
      if (this.#perform(task)) return;
      if (ran >= TASKS_PER_TURN && this.#inbox !== undefined) return this.#continueLater();
      task = this.#inbox?.shift();
    }
    this.#rest();
  }

  #continue(): void {
    const task = this.#inbox?.shift();
    if (task === undefined) this.#rest();
    else this.#work(task);
  }

  /** A channel that sends itself messages for ever does not stop the rest of the node. */
  #continueLater(): void {
    this.#busy = true;
    setImmediate(() => {
      this.#busy = false;
      this.#continue();
    });
  }

  #rest(): void {
    this.#inbox = undefined;
    const owed = this.#owed;
    if (owed === undefined) return;
    this.#owed = undefined;
    this.#terminate(owed);
  }

  /** Runs one callback. True: it awaits, and the inbox with it. */
  #perform(task: Task): boolean {
    if (this.#state !== "joined" && this.#owed === undefined) return false;
    this.#busy = true;
    this.#handling = task instanceof Inner ? undefined : task;
    try {
      const result = task instanceof Inner ? this.#callInner(task) : this.#callHandler(task);
      if (isPromise(result)) {
        this.#awaitResult(result);
        return true;
      }
      this.#settle(result);
    } catch (cause) {
      this.#crash(cause);
    }
    return false;
  }

  #awaitResult(result: Promise<HandlerResult>): void {
    // Promise.resolve: what other libraries call a promise may settle at once, or twice.
    const { counters } = this.#session;
    counters.callbacks_waiting++;
    Promise.resolve(result).then(
      (late) => {
        counters.callbacks_waiting--;
        this.#settle(late);
        this.#continue();
      },
      (cause: unknown) => {
        counters.callbacks_waiting--;
        this.#crash(cause);
        this.#continue();
      },
    );
  }

  #callHandler(message: Message): MaybePromise<HandlerResult> {
    const { event, payload } = message;
    if (event === phx.leave) return this.#leave(message);
    const handler = typeof event === "string" ? this.#callbacks.in.get(event) : undefined;
    if (handler === undefined || typeof event !== "string") {
      throw new TypeError(`no handler for event ${JSON.stringify(event).slice(0, EVENT_LOG_LENGTH)}`);
    }
    const schema = this.#callbacks.payloads.get(event);
    if (schema === undefined) return handler(this, payload);
    const checked = check(schema, payload);
    if (isPromise(checked)) {
      return checked.then((done) => ("refusal" in done ? done.refusal : handler(this, done.value)));
    }
    return "refusal" in checked ? checked.refusal : handler(this, checked.value);
  }

  #callInner({ kind, value }: Inner): MaybePromise<HandlerResult> {
    if (kind === "afterJoin") return this.#callbacks.afterJoin?.(this, value);
    // A subscription by hand to the own topic is an interception, as in Phoenix.
    if (value instanceof Broadcast && (kind === "out" || value.topic === this.topic)) {
      return this.#callOut(value);
    }
    const { info } = this.#callbacks;
    if (info === undefined) {
      this.#session.reportUnexpected(this.topic);
      return undefined;
    }
    const told = value instanceof Broadcast ? toEvent(value) : value;
    return info(this, told);
  }

  #callOut(broadcast: Broadcast): MaybePromise<HandlerResult> {
    // After the connection was lost there is nobody to pass it on to.
    if (this.#state !== "joined") return undefined;
    const handler = this.#callbacks.out.get(broadcast.event);
    if (handler === undefined)
      throw new TypeError(`no out handler for event ${JSON.stringify(broadcast.event)}`);
    return handler(this, broadcast.payload);
  }

  #leave(message: Message): undefined {
    this.#session.reply(this, message.ref, { kind: "reply", status: "ok", response: {} });
    this.#endAfterCallback({ kind: "left" });
  }

  #settle(result: HandlerResult): void {
    this.#busy = false;
    try {
      this.#obey(result);
    } catch (cause) {
      this.#crash(cause);
    }
    this.#handling = undefined;
  }

  #obey(result: HandlerResult): void {
    if (result === undefined) return;
    if (result?.kind !== "reply" && result?.kind !== "stop") {
      throw new TypeError("a handler must return ok(…), error(…), reply(…), stop(…) or nothing");
    }
    const reply = result.kind === "stop" ? result.reply : result;
    const message = this.#handling;
    if (reply !== undefined && message !== undefined && this.#state === "joined") {
      this.#session.reply(this, message.ref, reply);
    }
    if (result.kind === "stop") this.#endAfterCallback({ kind: "stopped", reason: result.reason });
  }

  #crash(cause: unknown): void {
    this.#handling = undefined;
    this.#session.reportCrash("channel crashed", this.topic, cause);
    this.#endAfterCallback({ kind: "crashed", error: cause });
  }
}

function notJoined(call: string, topic: string): SimurghError {
  return new SimurghError("not_joined", `${call} on ${JSON.stringify(topic)} before join has returned`);
}

function toEvent({ topic, event, payload }: Broadcast): BroadcastEvent {
  return { topic, event, payload };
}
