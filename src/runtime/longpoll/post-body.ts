import type { ClientFrame } from "./answers.js";

/** Lines of one body that are read; the rest is left out, as in Phoenix. */
const LINES_MAX = 100;

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The messages of a body, up to the first that cannot be read. */
export interface PostBody {
  readonly frames: readonly ClientFrame[];
  /** Whether all of them could be read. */
  readonly whole: boolean;
}

/**
 * Splits a body into messages. Only the exact type `application/x-ndjson` is split: a line that begins with `[` is
 * text, any other is base64 of a binary message. Every other body is one text message.
 */
export function readPostBody(contentType: string | undefined, body: string): PostBody {
  if (contentType !== "application/x-ndjson") return { frames: [body], whole: true };
  const frames: ClientFrame[] = [];
  for (const line of body.split(/\r?\n/, LINES_MAX)) {
    if (line.startsWith("[")) frames.push(line);
    else if (BASE64.test(line)) frames.push(Buffer.from(line, "base64"));
    else return { frames, whole: false };
  }
  return { frames, whole: true };
}
