import type { Message } from "../../core/protocol/message.js";
import { ProtocolFault, phx } from "../../core/protocol/message.js";
import { topicsOf } from "../scenario/plan.js";
import { decodeMessage, encodeMessage, isReply, replyOf } from "../wire/messages.js";
import type { Stamp } from "../wire/stamp.js";
import { reconnectAfterMs, rejoinAfterMs } from "./backoff.js";
import { ClientChannel } from "./client-channel.js";
import type { Connection, ConnectionOwner } from "./connection.js";
import type { ClientWorld } from "./world.js";

/** The close code after which phoenix.js does not come back. */
const normalClose = 1000;
/** How much of a message is looked at to tell presence from the rest. */
const headBytes = 512;

/** One client: connects, joins its topics, keeps alive, and comes back as phoenix.js does. */
export class LoadClient implements ConnectionOwner {
  readonly index: number;
  readonly #world: ClientWorld;
  readonly #channels: ClientChannel[];
  #connection: Connection | undefined;
  #isOpen = false;
  #isGone = false;
  #allIn = false;
  #wasIn = false;
  #tries = 0;
  #ref = 0;
  #startedUs = 0;
  #lostUs = 0;
  #heartbeatUs = 0;
  #isBeatAnswered = true;
  #retry: NodeJS.Timeout | undefined;

  /** `slots` are the client's places in its topics, in their order. */
  constructor(index: number, slots: readonly number[], world: ClientWorld) {
    this.index = index;
    this.#world = world;
    this.#channels = topicsOf(world.plan, index).map(
      (topic, i) => new ClientChannel(topic, slots[i] ?? 0, index, world),
    );
  }

  /** Whether it has joined all its topics. */
  get isIn(): boolean {
    return this.#allIn;
  }

  /** Begins to connect. */
  connect(): void {
    this.#startedUs = this.#world.nowUs();
    this.#connection = this.#world.open(this.index, this);
  }

  /** Ends its connection by the tool's will; it comes back as after any loss. */
  leave(): void {
    if (!this.#isOpen) return;
    this.#world.recorder.count("leaves");
    this.#connection?.drop();
    this.#lose(true);
    this.#retryLater();
  }

  /** Ends it for good. */
  end(): void {
    this.#isGone = true;
    clearTimeout(this.#retry);
    this.#connection?.drop();
    if (this.#isOpen) this.#lose(true);
  }

  /** Stops or goes on reading. */
  hold(held: boolean): void {
    if (this.#isOpen) this.#connection?.hold(held);
  }

  /** Looks after what is overdue. */
  sweep(nowUs: number): void {
    if (this.#isGone) return;
    const { limits, heartbeatMs } = this.#world.plan;
    if (!this.#isOpen) {
      const isLate = this.#connection !== undefined && nowUs - this.#startedUs > limits.connectMs * 1_000;
      if (isLate) this.#fail("no answer to the handshake in time");
      return;
    }
    for (const channel of this.#channels) this.#sweepChannel(channel, nowUs);
    if (nowUs - this.#heartbeatUs >= heartbeatMs * 1_000) this.#beat(nowUs);
  }

  #sweepChannel(channel: ClientChannel, nowUs: number): void {
    const { limits } = this.#world.plan;
    if (channel.state === "joining" && nowUs - channel.sinceUs > limits.joinMs * 1_000) {
      this.#joinFailed(channel, "no reply to the join in time");
      this.#send(channel.joinRef, "leave", channel.name, phx.leave, "{}");
    }
    if (channel.state === "out" && nowUs >= channel.retryUs) this.#join(channel);
  }

  #beat(nowUs: number): void {
    const { recorder } = this.#world;
    if (!this.#isBeatAnswered) {
      recorder.count("heartbeatErrors");
      this.#fail("a heartbeat was not answered");
      return;
    }
    this.#isBeatAnswered = false;
    this.#heartbeatUs = nowUs;
    recorder.count("heartbeats");
    this.#send(null, `h${Math.round(nowUs)}`, phx.topic, phx.heartbeat, "{}");
  }

  /** Publishes to one of its topics, counted from `turn`. False when it has not joined it. */
  publish(turn: number, dueUs: number): boolean {
    const channel = this.#channels[turn % this.#channels.length];
    const { publisher, stamps, worker, ledger, recorder } = this.#world;
    if (channel?.state !== "in" || this.#connection === undefined) return false;
    const nowUs = this.#world.nowUs();
    const seq = publisher.number(channel.topic, nowUs);
    const back = channel.lastSeq < 0 ? 0 : seq - channel.lastSeq;
    channel.lastSeq = seq;
    const lagUs = Math.max(0, nowUs - dueUs);
    const stamp = stamps.write({ worker, topic: channel.topic, seq, back, dueUs, lagUs });
    if (publisher.expect === "broadcast") ledger.published(worker, channel.topic, seq, nowUs, channel.slot);
    if (publisher.expect === "reply") this.#world.onAwaited(1);
    recorder.count("published");
    recorder.time("sendLag", lagUs);
    const ref = `p${Math.round(dueUs)}`;
    this.#send(channel.joinRef, ref, channel.name, publisher.event, publisher.payload(stamp));
    return true;
  }

  #send(joinRef: string | null, ref: string, topic: string, event: string, payload: string): void {
    const text = encodeMessage(this.#world.plan.vsn, joinRef, ref, topic, event, payload);
    const bytes = this.#connection?.send(text) ?? 0;
    this.#world.recorder.count("bytesOut", bytes);
  }

  onOpen(): void {
    const { recorder } = this.#world;
    const nowUs = this.#world.nowUs();
    this.#isOpen = true;
    this.#tries = 0;
    this.#isBeatAnswered = true;
    this.#heartbeatUs = nowUs;
    recorder.count("connects");
    recorder.time("connect", nowUs - this.#startedUs);
    this.#world.onOpen(1);
    for (const channel of this.#channels) this.#join(channel);
  }

  #join(channel: ClientChannel): void {
    this.#ref += 1;
    channel.begin(`${this.#ref}`, this.#world.nowUs());
    this.#send(channel.joinRef, channel.joinRef, channel.name, phx.join, channel.joinPayload());
  }

  onBytes(count: number): void {
    this.#world.recorder.count("bytesIn", count);
  }

  onText(text: Buffer, waitedUs: number): void {
    const stamp = this.#world.stamps.read(text);
    if (stamp !== undefined && !isReply(this.#world.plan.vsn, text)) this.#deliver(stamp, waitedUs);
    else if (stamp === undefined && this.#isPresence(text)) return;
    else this.#onMessage(text);
  }

  #deliver(stamp: Stamp, waitedUs: number): void {
    const { ledger, recorder, groups } = this.#world;
    const channel = this.#channels.find(({ topic }) => topic === stamp.topic);
    if (channel === undefined) {
      recorder.count("foreign");
      return;
    }
    const nowUs = this.#world.nowUs() - waitedUs;
    const arrival = ledger.arrived(stamp, channel.slot, nowUs);
    if (arrival !== "first" && arrival !== "deadline") return;
    if (groups.get(stamp.topic)?.isSlow(channel.slot) === true) {
      recorder.time("slow", nowUs - stamp.dueUs);
      return;
    }
    recorder.time("broadcast", nowUs - stamp.dueUs);
    recorder.time("transit", nowUs - stamp.dueUs - stamp.lagUs);
  }

  #isPresence(text: Buffer): boolean {
    const head = text.subarray(0, headBytes);
    if (!head.includes('"presence_')) return false;
    this.#world.recorder.count("presence");
    this.#world.recorder.count("presenceBytes", text.length);
    return true;
  }

  onBinary(): void {
    this.#world.recorder.count("otherMessages");
  }

  #onMessage(text: Buffer): void {
    const { recorder, plan } = this.#world;
    const message = decodeMessage(plan.vsn, text.toString("utf8"));
    if (message instanceof ProtocolFault) {
      recorder.count("nonsense");
      recorder.fail(`nonsense: a message that is ${message.what}`);
      return;
    }
    const channel = this.#channels.find(({ name }) => name === message.topic);
    if (message.event === phx.reply) this.#onReply(message, channel);
    else if (message.event === phx.error) this.#onChannelEnd(channel, message, true);
    else if (message.event === phx.close) this.#onChannelEnd(channel, message, false);
    else recorder.count("otherMessages");
  }

  #onReply(message: Message, channel: ClientChannel | undefined): void {
    const { recorder } = this.#world;
    const ref = String(message.ref);
    const { status, reason } = replyOf(message.payload);
    const nowUs = this.#world.nowUs();
    if (ref.startsWith("h")) {
      this.#isBeatAnswered = true;
      recorder.time("heartbeat", nowUs - this.#heartbeatUs);
    } else if (ref.startsWith("p")) {
      if (this.#world.publisher.expect === "reply") this.#world.onAwaited(-1);
      recorder.count("replies");
      recorder.time("reply", nowUs - Number(ref.slice(1)));
      if (status === "ok") return;
      recorder.count("publishErrors");
      recorder.fail(`publish: ${status} ${reason}`.trim());
    } else if (channel?.state === "joining" && ref === channel.joinRef) {
      if (status === "ok") this.#joined(channel, nowUs);
      else this.#joinFailed(channel, `${status} ${reason}`.trim());
    }
  }

  #joined(channel: ClientChannel, nowUs: number): void {
    const { recorder, plan } = this.#world;
    recorder.count("joins");
    recorder.time("join", nowUs - channel.sinceUs);
    channel.enter(nowUs);
    if (plan.presence.event !== null) {
      this.#send(channel.joinRef, "presence", channel.name, plan.presence.event, channel.presencePayload());
    }
    if (this.#allIn || !this.#channels.every(({ state }) => state === "in")) return;
    this.#allIn = true;
    this.#world.onJoined(1);
    if (this.#wasIn && this.#lostUs > 0) {
      recorder.count("reconnects");
      recorder.time("reconnect", nowUs - this.#lostUs);
    }
    this.#wasIn = true;
    this.#lostUs = 0;
  }

  #joinFailed(channel: ClientChannel, why: string): void {
    const { recorder } = this.#world;
    recorder.count("joinErrors");
    recorder.fail(`join: ${why}`);
    channel.retryLater(this.#world.nowUs() + rejoinAfterMs(channel.tries) * 1_000);
  }

  #onChannelEnd(channel: ClientChannel | undefined, message: Message, rejoins: boolean): void {
    if (channel === undefined || channel.state === "out") return;
    // A channel that has been joined anew is not ended by what its predecessor is told.
    if (message.ref !== null && message.ref !== channel.joinRef) return;
    const { recorder } = this.#world;
    const nowUs = this.#world.nowUs();
    recorder.count("channelErrors");
    recorder.fail(`channel: ${String(message.event)}`);
    channel.exit(nowUs, false);
    this.#noLongerIn(nowUs);
    if (rejoins) channel.retryLater(nowUs + rejoinAfterMs(channel.tries) * 1_000);
    else this.#world.onGone();
  }

  #noLongerIn(nowUs: number): void {
    if (!this.#allIn) return;
    this.#allIn = false;
    this.#lostUs = nowUs;
    this.#world.onJoined(-1);
  }

  /** Gives a connection up that is too late with something. */
  #fail(reason: string): void {
    this.#connection?.drop();
    this.onEnd(reason, 1006);
  }

  onEnd(reason: string, code: number): void {
    const { recorder } = this.#world;
    const wasOpen = this.#isOpen;
    recorder.count(wasOpen ? "disconnects" : "connectErrors");
    recorder.fail(`${wasOpen ? "connection" : "connect"}: ${reason}`);
    if (reason.startsWith("nonsense") || /HTTP|accept key/.test(reason)) recorder.count("nonsense");
    if (wasOpen) this.#lose(false);
    this.#connection = undefined;
    if (code === normalClose) {
      this.#isGone = true;
      this.#world.onGone();
    } else {
      this.#retryLater();
    }
  }

  #lose(own: boolean): void {
    const nowUs = this.#world.nowUs();
    this.#isOpen = false;
    this.#connection = undefined;
    for (const channel of this.#channels) channel.exit(nowUs, own);
    this.#noLongerIn(nowUs);
    this.#world.onOpen(-1);
  }

  #retryLater(): void {
    const delayMs = reconnectAfterMs(this.#tries);
    this.#tries += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (!this.#isGone && !this.#world.isOver()) this.connect();
    }, delayMs);
  }
}
