import type { Frame } from "../contracts/frame.js";
import type { Sink, SinkHandler } from "../contracts/transport.js";
import { closeCodes } from "../core/protocol/close-codes.js";
import { type Message, ProtocolFault, phx, type Ref } from "../core/protocol/message.js";
import { quoteRef } from "../core/protocol/quote.js";
import type { Json } from "../core/shared/json.js";
import { judge } from "../core/socket/rules.js";
import type { Credential } from "./auth/mount-auth.js";
import { type AuthorizedSession, SessionAuth } from "./auth/session-auth.js";
import type { Broadcast } from "./broadcast.js";
import type { Channel } from "./channel.js";
import type { SocketFacts, TerminateReason } from "./channel-types.js";
import type { Counters } from "./counters.js";
import { JoinAttempt, type JoinOutcome } from "./join.js";
import { detached, isJoinable } from "./joinable-topics.js";
import type { Seat } from "./limits/census.js";
import { InboundMeter, type Overrun } from "./limits/inbound-meter.js";
import type { Mount, PresenceRegistry, SocketLimits } from "./mount.js";
import { Outbox } from "./outbox.js";
import { assertPushable } from "./payload.js";
import type { PubSub, Subscriber } from "./pubsub.js";
import { error, isPromise, ok, type Reply } from "./result.js";
import type { Serializer, WireAddress } from "./serializer.js";
import { joinAddress, OWN_ADDRESS } from "./session-addresses.js";

const EMPTY_JSON = "{}";
const LOST_JSON = '{"reason":"permission lost"}';
const CRASH_JSON = '{"reason":"channel_crash"}';

/** Frames that wait for a join, as they came. */
interface HeldFrames {
  frames: (string | Uint8Array)[];
  /** Their size, roughly: characters or bytes. */
  bytes: number;
  /** Settles when the join is answered. */
  readonly answered: Promise<void>;
}

/** What a session is made of, beside its mount. */
export interface SessionOptions {
  readonly mount: Mount;
  readonly sink: Sink;
  readonly serializer: Serializer;
  readonly transport: "websocket" | "longpoll";
  readonly id: string | undefined;
  readonly assigns: object;
  /** What the connection is counted under. */
  readonly seat: Seat | undefined;
  /** What is kept of the client's token; undefined when its socket verifies none. */
  readonly credential: Credential | undefined;
}

/** One client's connection: decodes what comes, judges it, and runs its channels. */
export class Session implements SinkHandler, SocketFacts, Subscriber, AuthorizedSession {
  readonly id: string | undefined;
  readonly transport: "websocket" | "longpoll";
  readonly assigns: object;
  /** Undefined: the client may do everything, as long as it likes. */
  readonly auth: SessionAuth | undefined;
  readonly #mount: Mount;
  readonly #seat: Seat | undefined;
  readonly #serializer: Serializer;
  readonly #sink: Sink;
  readonly #outbox: Outbox;
  /** Absent until the first join, for idle connections are many. */
  #channels: Map<Json, Channel> | undefined = undefined;
  /** What came while a join was under way; undefined when none is. */
  #held: HeldFrames | undefined = undefined;
  /** Absent until the client has sent something. */
  #meter: InboundMeter | undefined = undefined;
  #paused = false;
  #seenBytes = -1;
  #idleTicks = 0;
  #frameAtMs = 0;
  #ended = false;
  /** When it opened, and when its client last sent to a channel; monotonic. */
  readonly openedAtMs: number;
  activeAtMs: number;

  constructor(options: SessionOptions) {
    const { mount, sink } = options;
    this.id = options.id;
    this.transport = options.transport;
    this.assigns = options.assigns;
    this.#mount = mount;
    this.#seat = options.seat;
    this.#serializer = options.serializer;
    this.#sink = sink;
    this.#outbox = new Outbox(sink, mount.flusher, mount.limits.queueBytesMax, () => this.#tooSlow());
    const { credential } = options;
    this.auth =
      mount.auth === undefined || credential === undefined
        ? undefined
        : new SessionAuth(this, mount.auth, credential);
    mount.sessions.add(this);
    this.openedAtMs = this.activeAtMs = mount.clock.monotonic();
    mount.counters.connections++;
    if (this.id !== undefined) mount.pubsub.subscribe(this.id, this);
  }

  get vsn(): "1.0.0" | "2.0.0" {
    return this.#serializer.vsn;
  }

  get pubsub(): PubSub {
    return this.#mount.pubsub;
  }

  get presences(): PresenceRegistry {
    return this.#mount.presences;
  }

  get limits(): SocketLimits {
    return this.#mount.limits;
  }

  get counters(): Counters {
    return this.#mount.counters;
  }

  /** Bytes that wait for this client. */
  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** Channels joined now. */
  get channelCount(): number {
    return this.#channels?.size ?? 0;
  }

  onText(text: string): void {
    this.#charge(text);
  }

  onBinary(bytes: Uint8Array): void {
    this.#charge(bytes);
  }

  /** Takes a frame that the client may send now. */
  #charge(frame: string | Uint8Array): void {
    if (this.#ended) return;
    this.#meter ??= new InboundMeter(this.#mount.rates);
    this.#frameAtMs = this.#mount.clock.monotonic();
    const overrun = this.#meter.charge(frame.length, this.#frameAtMs);
    if (overrun === undefined) this.#take(frame);
    else this.#refuse(frame, overrun);
  }

  #take(frame: string | Uint8Array): void {
    if (this.#held !== undefined) this.#hold(frame, this.#held);
    else if (!this.#ended) this.#onMessage(this.#decode(frame));
  }

  #decode(frame: string | Uint8Array): Message | ProtocolFault {
    return typeof frame === "string"
      ? this.#serializer.decodeText(frame)
      : this.#serializer.decodeBinary(frame);
  }

  onDrain(): void {
    this.#outbox.drained();
  }

  onClose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.discard();
    this.#finish();
  }

  #finish(): void {
    this.#held = undefined;
    if (this.#seat !== undefined) this.#mount.guards.census.leave(this.#seat);
    this.auth?.end();
    if (this.id !== undefined) this.pubsub.unsubscribe(this.id, this);
    for (const channel of [...(this.#channels?.values() ?? [])]) channel.end({ kind: "closed" });
    this.counters.connections--;
    this.#mount.sessions.delete(this);
  }

  /** Closes the connection when nothing came from the client since `ticks` calls of this. */
  checkIdle(ticks: number): void {
    const bytes = this.#sink.bytesReceived;
    this.#idleTicks = bytes === this.#seenBytes ? this.#idleTicks + 1 : 0;
    this.#seenBytes = bytes;
    if (this.#idleTicks < ticks) return;
    this.#idleTicks = 0;
    this.counters.idle_closes_total++;
    this.close(closeCodes.idle, "idle timeout");
  }

  /** Whether the connection is gone, or told to go. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Closes the connection. From now on it hears nothing from the client, however long he takes to go. The channels
   * end when the caller is done: it may be one of them.
   */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#outbox.close(code, reason);
    this.#goDown();
  }

  #goDown(): void {
    this.#held = undefined;
    // The client's own goodbye has to be read, too.
    if (this.#paused) this.#sink.resume();
    queueMicrotask(() => this.#finish());
  }

  /** A broadcast to the socket's id: `disconnect` closes the connection, other events mean nothing. */
  receive(broadcast: Broadcast): void {
    if (broadcast.event === "disconnect") this.close(closeCodes.goingAway, "disconnect");
  }

  /** Sends a channel's event. Throws in the sender when the payload cannot go over the wire. */
  push(from: WireAddress, event: string, payload: object): void {
    assertPushable(payload);
    this.#outbox.send(this.#serializer.push(from, event, payload));
  }

  /** Sends a channel's answer. */
  reply(from: WireAddress, ref: Ref, reply: Reply): void {
    this.#outbox.send(this.#serializer.reply(from, ref, reply.status, reply.response));
  }

  /** The fast lane: a broadcast's shared frame goes to this client without touching its channel. */
  sendBroadcast(broadcast: Broadcast): void {
    if (broadcast.binary !== undefined && this.#serializer.slot === 0) this.counters.undeliverable_total++;
    else this.#outbox.send(this.#serializer.broadcast(broadcast));
  }

  /** Tells the client that a channel is over. */
  sendEnd(channel: Channel, event: typeof phx.close | typeof phx.error, why?: TerminateReason["kind"]): void {
    const closed = why === "permission_lost" ? LOST_JSON : EMPTY_JSON;
    const payload = event === phx.close ? closed : CRASH_JSON;
    this.#outbox.send(this.#serializer.ended(joinAddress(channel), event, payload));
  }

  /** Takes a channel out of the table and off its topic. */
  forget(channel: Channel): void {
    this.pubsub.unsubscribe(channel.topic, channel);
    if (this.#channels?.get(channel.topic) !== channel) return;
    this.#channels.delete(channel.topic);
    this.counters.channels--;
  }

  /** Counts and logs a throw out of a channel's callback. */
  reportCrash(what: string, topic: string, cause: unknown): void {
    this.counters.channel_crashes_total++;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#mount.logger.error(what, { topic, error: text });
  }

  /** Counts and logs a channel that could not keep up. */
  reportOverload(topic: string): void {
    this.counters.overloaded_channels_total++;
    this.#mount.logger.warn("channel inbox full", { topic, inboxMax: this.limits.inboxMax });
  }

  /** Logs a message that the channel's author did not expect. */
  reportUnexpected(topic: string): void {
    this.#mount.logger.warn("message for a channel without info callback", { topic });
  }

  #tooSlow(): void {
    this.counters.slow_readers_total++;
    this.#mount.logger.warn("reader too slow", { id: this.id, queueBytesMax: this.limits.queueBytesMax });
    this.#ended = true;
    this.#sink.close(closeCodes.tooSlow, "too slow");
    this.#goDown();
  }

  #onMessage(message: Message | ProtocolFault): void {
    this.counters.messages_in_total++;
    if (message instanceof ProtocolFault) return this.#fault(message.what);
    try {
      this.#route(message);
    } catch (cause) {
      this.#cannotHandle(cause);
    }
  }

  #fault(what: string): void {
    this.counters.protocol_faults_total++;
    this.#mount.logger.debug("protocol fault", { id: this.id, fault: what });
    this.close(closeCodes.crashed, "");
  }

  /** A client may send topics and refs that cannot be written back, such as a list nested too deep. */
  #cannotHandle(cause: unknown): void {
    this.#mount.logger.warn("message could not be answered", { id: this.id, error: String(cause) });
    this.#fault("cannot be answered");
  }

  /** The connection handles nothing else until a join is answered; a client that sends on is slowed down. */
  #hold(frame: string | Uint8Array, held: HeldFrames): void {
    const { heldMessagesMax, heldBytesMax } = this.limits;
    held.frames.push(frame);
    held.bytes += frame.length;
    if (this.#paused || (held.frames.length < heldMessagesMax && held.bytes < heldBytesMax)) return;
    this.#paused = true;
    const limit = held.bytes < heldBytesMax ? "heldMessagesMax" : "heldBytesMax";
    this.#mount.guards.reports.exceeded("paused_reads_total", limit, { id: this.id });
    this.#sink.pause();
  }

  /** A frame too many. It is read, as the answer needs its ref, and no handler hears of it. */
  #refuse(frame: string | Uint8Array, { limit, retryAfterMs }: Overrun): void {
    const message = this.#decode(frame);
    if (message instanceof ProtocolFault) return this.#onMessage(message);
    // Each leave has cost a join; and a client that is refused it would believe itself joined, or hang.
    if (message.event === phx.leave && this.#channels?.has(message.topic) === true) return this.#take(frame);
    this.counters.messages_in_total++;
    const { reports } = this.#mount.guards;
    const counter = limit === "bytesPerS" ? "limited_bytes_total" : "limited_messages_total";
    reports.exceeded(counter, limit, { id: this.id });
    if (!this.#tolerates()) return;
    if (message.ref === null) this.counters.dropped_messages_total++;
    else this.#answerRefusal(message, "rate limited", retryAfterMs);
  }

  /** Counts a refusal. False: it was one too many, and the connection is closed. */
  #tolerates(): boolean {
    if (this.#meter === undefined || this.#meter.tolerates(this.#mount.clock.monotonic())) return true;
    this.#mount.guards.reports.exceeded("limit_closes_total", "refusalsMax", { id: this.id });
    this.close(closeCodes.policyViolation, "rate limited");
    return false;
  }

  #answerRefusal(message: Message, reason: string, retryAfterMs: number): void {
    try {
      this.#answer(message, message.joinRef, error({ reason, retry_after_ms: retryAfterMs }));
    } catch (cause) {
      this.#cannotHandle(cause);
    }
  }

  #route(message: Message): void {
    const channel = this.#channels?.get(message.topic);
    const verdict = judge(message, channel?.sentJoinRef, this.channelCount, this.limits.channelsMax);
    switch (verdict) {
      case "deliver":
        this.activeAtMs = this.#frameAtMs;
        if (channel !== undefined && this.auth?.takes(message, channel) === true) return;
        channel?.handle(message);
        return;
      case "leave":
        channel?.handle(message);
        return;
      case "heartbeat":
        return this.#answer(message, null, ok());
      case "join":
      case "rejoin":
      case "too_many":
        return this.#join(message, channel, verdict === "too_many");
      case "stale":
        return;
      case "already_left":
        return this.#answer(message, message.joinRef, ok());
      case "unmatched":
        if (this.auth?.takesOwn(message) === true) return;
        return this.#answer(message, null, error({ reason: "unmatched topic" }));
      default:
        return verdict satisfies never;
    }
  }

  /** Encodes an answer that no channel gives. */
  encodeAnswer(message: Message, joinRef: Ref, reply: Reply): Frame {
    const { topic } = message;
    const to = { topic, topicJson: JSON.stringify(topic), joinRef, joinRefJson: quoteRef(joinRef) };
    return this.#serializer.reply(to, message.ref, reply.status, reply.response);
  }

  get joined(): Iterable<Channel> {
    return this.#channels?.values() ?? [];
  }

  tell(event: string, payload: object): void {
    this.#outbox.send(this.#serializer.push(OWN_ADDRESS, event, payload));
  }

  answerFor(message: Message, channel: Channel | undefined, reply: Reply): void {
    if (this.#ended) return;
    if (channel === undefined) this.#answer(message, null, reply);
    else this.reply(channel, message.ref, reply);
  }

  #answer(message: Message, joinRef: Ref, reply: Reply): void {
    this.#outbox.send(this.encodeAnswer(message, joinRef, reply));
  }

  #join(message: Message, old: Channel | undefined, full: boolean): void {
    const { topic } = message;
    const target =
      typeof topic === "string" && isJoinable(topic) ? this.#mount.routes.match(topic) : undefined;
    if (target === undefined || typeof topic !== "string") {
      return this.#answer(message, null, error({ reason: "unmatched topic" }));
    }
    const refusal = full ? this.#tooMany() : this.#nameFault(topic, message.joinRef);
    if (refusal !== undefined) return this.#answer(message, message.joinRef, error({ reason: refusal }));
    const waitMs = this.#meter?.chargeJoin(this.#mount.clock.monotonic()) ?? 0;
    if (waitMs > 0) return this.#refuseJoin(message, waitMs);
    old?.end({ kind: "rejoined" });
    const attempt = new JoinAttempt(this, this.#mount, target, detached(topic), message);
    const outcome = attempt.run();
    if (!isPromise(outcome)) return this.#finishJoin(attempt, outcome, old);
    const answered = outcome
      .then((late) => {
        this.#finishJoin(attempt, late, old);
        this.#releaseHeld();
      })
      .catch((cause: unknown) => this.#cannotHandle(cause));
    this.#held = { frames: [], bytes: 0, answered };
  }

  /** Settles when the join under way is answered, and another one may be; undefined when none is under way. */
  get joining(): Promise<void> | undefined {
    return this.#held?.answered;
  }

  #tooMany(): string {
    this.#mount.guards.reports.exceeded("refused_channels_total", "channelsMax", { id: this.id });
    return "too many channels joined";
  }

  #refuseJoin(message: Message, waitMs: number): void {
    this.#mount.guards.reports.exceeded("limited_joins_total", "joinsPerS", { id: this.id });
    if (this.#tolerates()) this.#answerRefusal(message, "too many joins", waitMs);
  }

  /** A channel keeps its topic and join_ref as long as it lives, so they are bounded. */
  #nameFault(topic: string, joinRef: Ref): string | undefined {
    const { nameLengthMax } = this.limits;
    const long = topic.length > nameLengthMax;
    if (!long && quoteRef(joinRef).length <= nameLengthMax + 2) return undefined;
    this.#mount.guards.reports.exceeded("long_names_total", "nameLengthMax", { id: this.id });
    return long ? "topic too long" : "join_ref too long";
  }

  #finishJoin(attempt: JoinAttempt, made: JoinOutcome, old: Channel | undefined): void {
    const { channel } = attempt;
    // The client may have renewed its token meanwhile.
    const outcome = attempt.recheck(made);
    try {
      // A refused channel may have subscribed to other topics already.
      if (this.#ended || !outcome.admitted) channel?.end({ kind: "closed" });
      if (this.#ended) return;
      this.counters[outcome.admitted ? "joins_total" : "refused_joins_total"]++;
      this.#outbox.send(outcome.frame);
      if (old !== undefined) this.sendEnd(old, phx.close);
      if (outcome.admitted && channel !== undefined) this.#admit(channel, outcome.params);
    } finally {
      attempt.release();
    }
  }

  #admit(channel: Channel, params: unknown): void {
    this.#channels ??= new Map();
    this.#channels.set(channel.topic, channel);
    this.counters.channels++;
    this.pubsub.subscribe(channel.topic, channel);
    channel.joined(params);
  }

  #releaseHeld(): void {
    const frames = this.#held?.frames ?? [];
    this.#held = undefined;
    for (const [i, frame] of frames.entries()) {
      if (this.#ended) return;
      this.#take(frame);
      if (this.#keepHolding(frames, i + 1)) return;
    }
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#sink.resume();
  }

  /** When the message just handled began another join that waits, the rest waits on behind it. */
  #keepHolding(frames: readonly (string | Uint8Array)[], from: number): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    held.frames = frames.slice(from);
    held.bytes = held.frames.reduce((sum, { length }) => sum + length, 0);
    return true;
  }
}
