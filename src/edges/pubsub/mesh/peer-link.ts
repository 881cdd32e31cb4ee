import type { Cancel } from "../../../contracts/clock.js";
import type { Link, LinkHandler } from "../../../contracts/network.js";
import type { MeshContext } from "./context.js";
import type { Dial } from "./dialer.js";
import { FrameReader } from "./frame-reader.js";
import { encodeRefusal, Handshake } from "./handshake.js";
import type { Hello } from "./hello.js";
import { decodeInterest } from "./interest-codec.js";
import type { Announcee } from "./interest-sync.js";
import type { LinkOwner, Phase } from "./link-owner.js";
import { Outbox } from "./outbox.js";
import type { Role } from "./proof.js";
import type { Refusal } from "./refusal.js";
import { refusalOf } from "./refusal.js";
import type { InterestedPeer } from "./remote-interest.js";
import { decodeSequence, encodeFrame, encodeSequence, handshakeFrameBytesMax, kinds } from "./wire.js";

const beatFrame = encodeFrame(kinds.beat);

/** How long a last frame may take to leave. */
const lingerMs = 1_000;

/** One connection to one peer, from its first byte to its last. */
export class PeerLink implements LinkHandler, InterestedPeer, Announcee {
  readonly role: Role;
  readonly outbox: Outbox;
  readonly topics = new Set<string>();
  everything = false;
  /** What led here; undefined for an arrived connection. */
  readonly dial: Dial | undefined;
  phase: Phase = "handshake";
  /** The peer's hello. Trustworthy from the phase "proven" on. */
  peer: Hello | undefined;
  /** Both sides know each other's interest: messages flow as promised. */
  up = false;
  upAtMs = 0;
  /** Largest frame that the peer takes. */
  frameBytesMax = 0;
  /** Messages to the peer are being dropped; set back when the queue is half empty. */
  dropping = false;
  readonly #context: MeshContext;
  readonly #owner: LinkOwner;
  readonly #link: Link;
  readonly #reader: FrameReader;
  readonly #handshake: Handshake;
  #cancelTimeout: Cancel;
  #lastHeardMs: number;
  #interestHeard = false;
  #interestWhole = false;
  #acknowledged = -1;
  #fullSequence = Number.POSITIVE_INFINITY;
  #probe:
    | { readonly id: number; readonly settle: (alive: boolean) => void; readonly cancel: Cancel }
    | undefined;
  #probes = 0;

  constructor(context: MeshContext, owner: LinkOwner, link: Link, dial: Dial | undefined) {
    const { settings, clock, counters } = context;
    this.#context = context;
    this.#owner = owner;
    this.#link = link;
    this.dial = dial;
    this.role = dial === undefined ? "acceptor" : "dialer";
    this.outbox = new Outbox(context.turn, link, settings.limits.queueBytesMax, counters);
    this.#reader = new FrameReader(handshakeFrameBytesMax, (buffer, start, end) =>
      this.#onFrame(buffer, start, end),
    );
    this.#handshake = new Handshake({
      role: this.role,
      self: context.hello(),
      secrets: settings.secrets,
      expectedNames: dial?.target.names ?? [],
    });
    this.#lastHeardMs = clock.monotonic();
    this.#cancelTimeout = clock.after(settings.timing.handshakeTimeoutMs, () => {
      counters.handshakes_timed_out += 1;
      this.#owner.onFault(this, "handshake timeout");
      this.close("handshake timeout");
    });
    const opening = this.#handshake.open();
    if (opening !== undefined) this.#sendNow(opening);
  }

  /** Where the peer is, for the log. */
  get remote(): string {
    return this.#link.remote;
  }

  /** The peer's name as far as it is known. Unproven during the handshake. */
  get peerName(): string | undefined {
    return this.peer?.name ?? this.#handshake.claimed?.name;
  }

  get silentForMs(): number {
    return this.#context.clock.monotonic() - this.#lastHeardMs;
  }

  /** Counts the peer's silence from now. */
  forgiveSilence(): void {
    this.#lastHeardMs = this.#context.clock.monotonic();
  }

  /** The follower's consent. */
  sendReady(linked: boolean): void {
    this.#sendNow(encodeFrame(kinds.ready, [linked ? 1 : 0]));
  }

  /** This connection is the link of the pair from now on. The leader tells the follower. */
  open(admit: boolean): void {
    this.phase = "open";
    this.#cancelTimeout();
    this.#reader.frameBytesMax = this.#context.settings.limits.frameBytesMax;
    if (admit) this.sendFrame(encodeFrame(kinds.admit));
    this.#fullSequence = this.#context.interest.addPeer(this);
  }

  /** Lays down a control frame; it leaves with the turn, behind what was sent before. */
  sendFrame(frame: Uint8Array): void {
    if (this.phase === "open") this.#context.turn.send(this.outbox, frame);
  }

  /** A sign of life for the peer. */
  beat(): void {
    this.#context.counters.beats_out += 1;
    this.sendFrame(beatFrame);
  }

  /** Asks for a sign of life. False when that is being asked already; otherwise `settle` is called once. */
  probe(timeoutMs: number, settle: (alive: boolean) => void): boolean {
    if (this.#probe !== undefined) return false;
    this.#probes += 1;
    const id = this.#probes;
    const cancel = this.#context.clock.after(timeoutMs, () => this.close("silent"));
    this.#probe = { id, settle, cancel };
    this.#context.counters.probes_out += 1;
    this.sendFrame(encodeFrame(kinds.probe, encodeSequence(id)));
    return true;
  }

  /** Says no, and why; then closes. */
  refuse(refusal: Refusal): void {
    this.#sendNow(encodeRefusal(refusal, this.#context.hello()));
    this.#endRefused("us", refusal);
  }

  /** The peer broke the protocol: cuts the connection. */
  fault(reason: string): void {
    this.#owner.onFault(this, reason);
    this.close(`protocol fault: ${reason}`);
  }

  /** Says goodbye and sends what waits; then closes. */
  leave(reason: string): void {
    if (this.phase !== "open") return this.close(reason);
    this.sendFrame(encodeFrame(kinds.leave));
    this.outbox.finish();
    this.#finish(reason);
  }

  /** Cuts the connection. */
  close(reason: string): void {
    if (this.phase === "closed") return;
    const before = this.phase;
    this.phase = "closed";
    this.#link.destroy();
    if (before !== "closing") this.#retire(reason, before === "open");
  }

  /** Drops what a closing connection still has to send. */
  cut(): void {
    this.phase = "closed";
    this.#link.destroy();
  }

  onData(bytes: Uint8Array): void {
    if (this.phase === "closed" || this.phase === "closing") return;
    this.#lastHeardMs = this.#context.clock.monotonic();
    this.#context.counters.bytes_in += bytes.length;
    const fault = this.#reader.push(bytes);
    if (fault !== undefined) this.fault(fault);
  }

  onDrain(): void {
    this.outbox.onDrain();
  }

  onClose(reason: string): void {
    this.close(reason);
    this.#cancelTimeout();
    this.#owner.onGone(this);
  }

  /** Takes one frame; false when there is nothing more to read. */
  #onFrame(buffer: Buffer, start: number, end: number): boolean {
    const kind = buffer[start];
    this.#context.counters.frames_in += 1;
    if (kind === kinds.message && this.phase === "open") this.#onMessage(buffer, start + 1, end);
    else if (this.phase === "open") this.#onControl(kind ?? 0, buffer.subarray(start + 1, end));
    else if (this.phase === "handshake") this.#onHandshake(kind ?? 0, buffer.subarray(start + 1, end));
    else if (this.phase === "proven") this.#onVerdict(kind ?? 0, buffer.subarray(start + 1, end));
    return this.phase !== "closed" && this.phase !== "closing";
  }

  #onMessage(buffer: Buffer, start: number, end: number): void {
    const topicStart = start + 2;
    const topicEnd = topicStart <= end ? topicStart + buffer.readUInt16BE(start) : topicStart;
    if (topicEnd > end) return this.fault("malformed message");
    const { counters, interest } = this.#context;
    counters.messages_in += 1;
    counters.message_bytes_in += end - topicEnd;
    const topic = interest.topics.find(buffer, topicStart, topicEnd);
    if (topic === undefined) counters.messages_unwanted += 1;
    // A plain view: it is made in a third of the time that a Buffer's takes.
    else
      this.#context.deliver(
        topic,
        new Uint8Array(buffer.buffer, buffer.byteOffset + topicEnd, end - topicEnd),
      );
  }

  #onControl(kind: number, body: Buffer): void {
    switch (kind) {
      case kinds.beat:
        this.#context.counters.beats_in += 1;
        return;
      case kinds.interest:
        return this.#onInterest(body);
      case kinds.interestAck:
        return this.#onInterestAck(decodeSequence(body));
      case kinds.probe:
        return this.sendFrame(encodeFrame(kinds.probeAck, body.subarray(0, 6)));
      case kinds.probeAck:
        return this.#onProbeAck(decodeSequence(body));
      case kinds.leave:
        return this.close("left");
      case kinds.refuse:
        return this.#endRefused("them", refusalOf(body[0]));
      default:
        return this.fault(`unknown frame kind ${kind}`);
    }
  }

  #onHandshake(kind: number, body: Buffer): void {
    const step = this.#handshake.receive(kind, body);
    if (step.send !== undefined) this.#sendNow(step.send);
    if (step.type === "refused") return this.#endRefused(step.by, step.refusal);
    if (step.type !== "proven") return;
    this.phase = "proven";
    this.peer = step.peer;
    this.frameBytesMax = step.peer.frameBytesMax;
    this.#owner.onProven(this);
  }

  #onVerdict(kind: number, body: Buffer): void {
    if (kind === kinds.refuse) return this.#endRefused("them", refusalOf(body[0]));
    if (kind === kinds.ready) return this.#owner.onReady(this, body[0] === 1);
    if (kind === kinds.admit) return this.#owner.onAdmitted(this);
    this.fault(`frame kind ${kind} before admission`);
  }

  #onInterest(body: Buffer): void {
    const { counters, remote } = this.#context;
    const change = decodeInterest(body);
    if (change === undefined || change.full === this.#interestHeard) return this.fault("malformed interest");
    this.#interestHeard = this.#interestHeard || change.full;
    counters.interest_in += 1;
    if (remote.apply(this, change)) {
      counters.interest_overflows += 1;
      this.#context.logger.warn("mesh peer has more topics than are remembered; it is sent every topic", {
        node: this.peerName,
        topics: this.#context.settings.limits.interestTopicsMax,
      });
    }
    if (!change.last) return;
    this.sendFrame(encodeFrame(kinds.interestAck, encodeSequence(change.sequence)));
    this.#interestWhole = true;
    this.#checkUp();
  }

  #onInterestAck(sequence: number | undefined): void {
    if (sequence === undefined) return this.fault("malformed acknowledgement");
    this.#acknowledged = sequence;
    this.#context.interest.onAck(this, sequence);
    this.#checkUp();
  }

  #checkUp(): void {
    if (this.up || !this.#interestWhole || this.#acknowledged < this.#fullSequence) return;
    this.up = true;
    this.upAtMs = this.#context.clock.monotonic();
    this.#owner.onUp(this);
  }

  #onProbeAck(id: number | undefined): void {
    const probe = this.#probe;
    if (probe === undefined || probe.id !== id) return;
    this.#probe = undefined;
    probe.cancel();
    probe.settle(true);
  }

  /** Before the link is open there is no turn to wait for: few frames, one at a time. */
  #sendNow(frame: Buffer): void {
    this.#context.counters.bytes_out += frame.length;
    this.#context.counters.writes += 1;
    this.#link.write(frame);
  }

  #endRefused(by: "us" | "them", refusal: Refusal): void {
    this.#owner.onRefused(this, by, refusal);
    this.#finish(`refused: ${refusal}`);
  }

  /** Lets the last frame out, within a bound. */
  #finish(reason: string): void {
    const wasOpen = this.phase === "open";
    this.phase = "closing";
    this.#link.end();
    this.#retire(reason, wasOpen);
    this.#cancelTimeout = this.#context.clock.after(lingerMs, () => this.cut());
  }

  #retire(reason: string, wasOpen: boolean): void {
    this.#cancelTimeout();
    this.outbox.drop();
    this.#context.remote.clear(this);
    this.#context.interest.removePeer(this);
    const probe = this.#probe;
    this.#probe = undefined;
    this.#owner.onClosed(this, reason, wasOpen);
    probe?.cancel();
    probe?.settle(false);
  }
}
