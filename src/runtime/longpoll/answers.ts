/** A message from a client: text, or the bytes of a binary message. */
export type ClientFrame = string | Uint8Array;

/** What a poll came to: messages, none within the window, or the session is gone. */
export interface PollAnswer {
  readonly status: 200 | 204 | 410;
  /** Encoded frames, in their order. */
  readonly messages: readonly string[];
}

/** What became of posted messages: handled, not handled in time, the session is gone, or too large for the engine. */
export type PostStatus = 200 | 408 | 410 | 413;

/** A session as a request sees it, wherever it lives. Nothing rejects. */
export interface PollTarget {
  /** Waits for messages. `gone` is aborted when the client does not wait any more. Undefined: no such session. */
  poll(gone: AbortSignal): Promise<PollAnswer | undefined>;
  /** Hands messages to the session, in their order, each when the one before it was handled. */
  post(frames: readonly ClientFrame[]): Promise<PostStatus>;
}

/** The session is gone. */
export const GONE: PollAnswer = { status: 410, messages: [] };

/** Nothing came within the window. */
export const NOTHING: PollAnswer = { status: 204, messages: [] };
