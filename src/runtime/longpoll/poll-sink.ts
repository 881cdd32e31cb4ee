import type { Clock } from "../../contracts/clock.js";
import type { Frame } from "../../contracts/frame.js";
import type { Sink, SinkHandler } from "../../contracts/transport.js";
import type { Counters } from "../counters.js";
import { GONE, NOTHING, type PollAnswer } from "./answers.js";

/** What a sink tells the session around it. */
export interface PollSinkOwner {
  readonly clock: Clock;
  readonly windowMs: number;
  readonly counters: Counters;
  /** A binary message cannot be polled: it breaks the session, as in Phoenix. */
  onBinary(): void;
  /** Called once. */
  onGone(): void;
}

/** A request that waits. */
interface Waiter {
  readonly bytesMax: number;
  answer(answer: PollAnswer): void;
}

/**
 * The way out to a client that polls. What is written goes to the request that waits; without one it stays here,
 * and the outbox behind holds back, and counts, what follows.
 */
export class PollSink implements Sink {
  readonly #owner: PollSinkOwner;
  #handler: SinkHandler | undefined = undefined;
  #queue: Frame[] = [];
  #queuedBytes = 0;
  #waiter: Waiter | undefined = undefined;
  #lastPollMs: number;
  #gone = false;
  /** Idle clients are told by their polls, not by their bytes. */
  readonly bytesReceived = 0;

  constructor(owner: PollSinkOwner) {
    this.#owner = owner;
    this.#lastPollMs = owner.clock.monotonic();
  }

  /** Gives the sink the session that it tells. */
  bind(handler: SinkHandler): void {
    this.#handler = handler;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether the session is over. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Milliseconds since a request waited. */
  get unpolledMs(): number {
    return this.#waiter === undefined ? this.#owner.clock.monotonic() - this.#lastPollMs : 0;
  }

  write(frame: Frame): boolean {
    return this.writeAll([frame]);
  }

  writeAll(frames: readonly Frame[]): boolean {
    if (this.#gone) return true;
    for (const frame of frames) {
      if (frame.binary !== undefined) {
        this.#owner.onBinary();
        this.terminate();
        return true;
      }
      this.#queue.push(frame);
      this.#queuedBytes += frame.byteLength;
    }
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#seen();
      waiter.answer({ status: 200, messages: this.#take(waiter.bytesMax) });
    }
    return false;
  }

  /**
   * Waits for messages of `bytesMax` bytes together, or one larger one, until the window is over. A later poll takes
   * the place of an earlier one, which then waits in vain: were it told, a client with two would poll ever faster.
   */
  poll(bytesMax: number, gone: AbortSignal): Promise<PollAnswer> {
    if (this.#gone) return Promise.resolve(GONE);
    if (gone.aborted) return Promise.resolve(NOTHING);
    this.#seen();
    // What waits in the outbox comes here.
    this.#handler?.onDrain();
    if (this.gone) return Promise.resolve(GONE);
    if (this.#queue.length > 0) return Promise.resolve({ status: 200, messages: this.#take(bytesMax) });
    return this.#wait(bytesMax, gone);
  }

  #wait(bytesMax: number, gone: AbortSignal): Promise<PollAnswer> {
    return new Promise((resolve) => {
      const answer = (made: PollAnswer): void => {
        cancel();
        this.#owner.counters.polls_waiting--;
        gone.removeEventListener("abort", leave);
        resolve(made);
      };
      const waiter: Waiter = { bytesMax, answer };
      const leave = (): void => {
        if (this.#waiter === waiter) this.#seen();
        answer(NOTHING);
      };
      const cancel = this.#owner.clock.after(this.#owner.windowMs, leave);
      gone.addEventListener("abort", leave, { once: true });
      this.#owner.counters.polls_waiting++;
      this.#waiter = waiter;
    });
  }

  /** Notes the time, and that nobody waits. */
  #seen(): void {
    this.#waiter = undefined;
    this.#lastPollMs = this.#owner.clock.monotonic();
  }

  #take(bytesMax: number): string[] {
    const messages: string[] = [];
    let bytes = 0;
    for (const { text = "", byteLength } of this.#queue) {
      bytes += byteLength;
      if (bytes > bytesMax && messages.length > 0) break;
      this.#queuedBytes -= byteLength;
      messages.push(text);
    }
    this.#queue = this.#queue.slice(messages.length);
    return messages;
  }

  /** There are no close codes here: whoever polls is told that the session is gone. */
  close(): void {
    this.terminate();
  }

  terminate(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#waiter?.answer(GONE);
    this.#waiter = undefined;
    this.#owner.onGone();
    // The caller may be the session itself.
    queueMicrotask(() => this.#handler?.onClose(0, ""));
  }

  /** Each message waits for the one before it to be handled, so that there is nothing to hold back. */
  pause(): void {}

  resume(): void {}
}
