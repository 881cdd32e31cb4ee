/**
 * One encoded message. It is made once and shared by every connection that it goes to, so it MUST NOT be changed.
 * `wire` is a place for the transport: the same bytes with its own framing around them, made once, too.
 */
export interface Frame {
  /** The text of a text frame; undefined for a binary frame. */
  readonly text: string | undefined;
  /** The bytes of a binary frame; undefined for a text frame. */
  readonly binary: Uint8Array | undefined;
  /** Bytes that this frame is counted with against queue limits. */
  readonly byteLength: number;
  /** Filled by the first transport that needs it; a process frames one way only. */
  wire: Uint8Array | undefined;
}
