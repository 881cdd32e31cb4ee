import type { Frame } from "./frame.js";

/**
 * The way out to one client, offered by a transport.
 *
 * Frames MUST arrive whole and in the order of the calls. After `close` or `terminate` every call is ignored.
 * No call throws, whatever state the connection is in.
 */
export interface Sink {
  /** Writes one frame. False: the peer's buffer is full; `SinkHandler.onDrain` follows when it is not. */
  write(frame: Frame): boolean;
  /** Writes several frames as one. Same answer as `write`. The array belongs to the sink from now on. */
  writeAll(frames: readonly Frame[]): boolean;
  /** Bytes handed over and not yet taken by the peer's system. */
  readonly queuedBytes: number;
  /** Bytes received from the client so far, of any kind; tells an idle client from a busy one. */
  readonly bytesReceived: number;
  /** Says goodbye with a close code and reason, after everything written before. */
  close(code: number, reason: string): void;
  /** Cuts the connection without a goodbye and frees its queue. */
  terminate(): void;
  /** Stops reading from the client until `resume`. Frames already read MAY still come. */
  pause(): void;
  resume(): void;
}

/** What a transport tells the session. `onClose` comes exactly once and last. */
export interface SinkHandler {
  onText(text: string): void;
  /** The bytes belong to the receiver. */
  onBinary(bytes: Uint8Array): void;
  onDrain(): void;
  onClose(code: number, reason: string): void;
}
