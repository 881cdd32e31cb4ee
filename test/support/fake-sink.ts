import type { Frame } from "../../src/contracts/frame.js";
import type { Sink, SinkHandler } from "../../src/contracts/transport.js";

/** A sink that keeps what it is given, and is full when a test says so. */
export class FakeSink implements Sink {
  /** Every call of `write` and `writeAll`, as the frames of that call. */
  readonly writes: (string | Uint8Array)[][] = [];
  closing: { readonly code: number; readonly reason: string } | undefined = undefined;
  terminated = false;
  paused = false;
  queuedBytes = 0;
  bytesReceived = 0;
  /** From now on writes answer that the peer's buffer is full, and stay queued. */
  full = false;
  /** Where `onClose` goes when this sink is closed; undefined: the peer takes its time. */
  closesAtOnce: SinkHandler | undefined = undefined;

  write(frame: Frame): boolean {
    return this.#take([frame]);
  }

  writeAll(frames: readonly Frame[]): boolean {
    return this.#take(frames);
  }

  #take(frames: readonly Frame[]): boolean {
    if (this.closing !== undefined || this.terminated) return true;
    this.writes.push(frames.map((frame) => frame.text ?? frame.binary ?? ""));
    if (!this.full) return true;
    this.queuedBytes += frames.reduce((sum, frame) => sum + frame.byteLength, 0);
    return false;
  }

  /** The peer has read everything. */
  empty(handler: { onDrain(): void }): void {
    this.full = false;
    this.queuedBytes = 0;
    handler.onDrain();
  }

  close(code: number, reason: string): void {
    if (this.closing !== undefined || this.terminated) return;
    this.closing = { code, reason };
    this.closesAtOnce?.onClose(code, reason);
  }

  terminate(): void {
    this.terminated = true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** Every frame that was written, in order. */
  get frames(): (string | Uint8Array)[] {
    return this.writes.flat();
  }

  /** The text frames among them, parsed. */
  get messages(): unknown[] {
    return this.frames.filter((frame) => typeof frame === "string").map((text) => JSON.parse(text));
  }
}
