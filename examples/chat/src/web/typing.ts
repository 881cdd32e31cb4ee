import { typingMsMax } from "../protocol.js";

/** Said again this often while somebody goes on writing. */
const againMs = typingMsMax / 2;
/** Without a key for this long nobody is writing. */
const pauseMs = 4_000;

/** Turns strokes of keys into few messages: when writing begins, now and then while it goes on, and when it ends. */
export class TypingTeller {
  readonly #tell: (typing: boolean) => void;
  #toldAtMs: number | undefined;
  #pause: number | undefined;

  /** `tell` is called with what the room is to know. */
  constructor(tell: (typing: boolean) => void) {
    this.#tell = tell;
  }

  /** The text was changed. */
  wrote(isEmpty: boolean): void {
    if (isEmpty) return this.stop();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), pauseMs);
    const now = performance.now();
    if (this.#toldAtMs !== undefined && now - this.#toldAtMs < againMs) return;
    this.#toldAtMs = now;
    this.#tell(true);
  }

  /** Writing has ended: the message left, or was given up. */
  stop(): void {
    clearTimeout(this.#pause);
    if (this.#toldAtMs === undefined) return;
    this.#toldAtMs = undefined;
    this.#tell(false);
  }
}
