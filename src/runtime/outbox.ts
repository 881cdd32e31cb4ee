import type { Frame } from "../contracts/frame.js";
import type { Sink } from "../contracts/transport.js";

/**
 * Empties the outboxes that got frames in this turn of the event loop, all at once when the turn is over: what was
 * sent to one connection in one turn leaves in one write.
 */
export class Flusher {
  #dirty: Outbox[] = [];
  readonly #run = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  };

  /** Registers an outbox for the end of this turn. */
  schedule(outbox: Outbox): void {
    if (this.#dirty.push(outbox) === 1) setImmediate(this.#run);
  }
}

/** Above this, frames of one turn leave early instead of piling up. */
const EARLY_FLUSH_BYTES = 64 * 1024;

/**
 * What waits to be written to one connection. Bounded: a reader who lets more than `bytesMax` pile up is reported
 * by `onOverflow`, once, and gets nothing more. Frames are shared, so a thousand slow readers of one room hold one
 * copy of each message, until the transport takes it.
 *
 * One frame larger than the limit may go to an empty queue; what follows it is counted again.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #flusher: Flusher;
  readonly #bytesMax: number;
  readonly #onOverflow: () => void;
  /** One frame without an array around it: most turns bring one. */
  #pending: Frame | Frame[] | undefined = undefined;
  #pendingBytes = 0;
  /** Bytes of a lone oversized frame that the sink still holds, not counted against the limit. */
  #exemptBytes = 0;
  #scheduled = false;
  #blocked = false;
  #ended = false;

  constructor(sink: Sink, flusher: Flusher, bytesMax: number, onOverflow: () => void) {
    this.#sink = sink;
    this.#flusher = flusher;
    this.#bytesMax = bytesMax;
    this.#onOverflow = onOverflow;
  }

  /** Bytes that wait for the reader, here and in the sink. */
  get queuedBytes(): number {
    return this.#pendingBytes + this.#sink.queuedBytes;
  }

  /** Takes a frame; it leaves at the end of this turn, or when the reader has caught up. */
  send(frame: Frame): void {
    if (this.#ended) return;
    const pending = this.#pending;
    if (pending === undefined) this.#pending = frame;
    else if (Array.isArray(pending)) pending.push(frame);
    else this.#pending = [pending, frame];
    this.#pendingBytes += frame.byteLength;
    if (this.#blocked) this.#checkLimit();
    else if (this.#pendingBytes > EARLY_FLUSH_BYTES) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#flusher.schedule(this);
    }
  }

  /** Writes what waits, unless the reader is behind. */
  flush(): void {
    this.#scheduled = false;
    const pending = this.#pending;
    if (pending === undefined || this.#blocked || this.#ended) return;
    const bytes = this.#pendingBytes;
    this.#pending = undefined;
    this.#pendingBytes = 0;
    if (Array.isArray(pending)) {
      this.#blocked = !this.#sink.writeAll(pending);
      this.#exemptBytes = 0;
    } else {
      this.#blocked = !this.#sink.write(pending);
      this.#exemptBytes = bytes > this.#bytesMax ? bytes : 0;
    }
  }

  /** The sink has room again. */
  drained(): void {
    this.#blocked = false;
    this.#exemptBytes = 0;
    this.flush();
  }

  /** Says goodbye after what was sent before; nothing goes out afterwards. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#blocked = false;
    this.flush();
    this.#end();
    this.#sink.close(code, reason);
  }

  /** The connection is gone: forget everything. */
  discard(): void {
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#pending = undefined;
    this.#pendingBytes = 0;
  }

  #checkLimit(): void {
    // What is left of the lone oversized frame, not more: what follows it has no more room than usual.
    const inSink = this.#sink.queuedBytes;
    const counted = this.#pendingBytes + inSink - Math.min(inSink, this.#exemptBytes);
    if (counted <= this.#bytesMax) return;
    this.#end();
    this.#onOverflow();
  }
}
