import { type Rate, TokenBucket } from "../../core/limits/token-bucket.js";
import type { SocketLimits } from "../mount.js";

/** The rates of a mounted socket, made once for all of its connections. */
export interface InboundRates {
  readonly messages: Rate;
  readonly bytes: Rate;
  readonly joins: Rate;
  readonly refusals: Rate;
}

/** Seconds in which a connection may have `refusalsMax` refusals. */
const REFUSALS_WINDOW_S = 60;

/** The rates that limits mean. */
export function inboundRates(limits: SocketLimits): InboundRates {
  return {
    messages: { perS: limits.messagesPerS, burst: limits.messagesBurstMax },
    bytes: { perS: limits.bytesPerS, burst: limits.bytesBurstMax },
    joins: { perS: limits.joinsPerS, burst: limits.joinsBurstMax },
    refusals: { perS: limits.refusalsMax / REFUSALS_WINDOW_S, burst: limits.refusalsMax },
  };
}

/** A message that is one too many. */
export interface Overrun {
  readonly limit: "messagesPerS" | "bytesPerS";
  readonly retryAfterMs: number;
}

/** What one client may send. What is sent to him is none of its business. */
export class InboundMeter {
  readonly #rates: InboundRates;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  #joins: TokenBucket | undefined = undefined;
  #refusals: TokenBucket | undefined = undefined;

  constructor(rates: InboundRates) {
    this.#rates = rates;
    this.#messages = new TokenBucket(rates.messages);
    this.#bytes = new TokenBucket(rates.bytes);
  }

  /** Takes note of a message of `bytes`. Undefined: it may pass. */
  charge(bytes: number, nowMs: number): Overrun | undefined {
    const bytesWaitMs = this.#bytes.take(bytes, nowMs);
    if (bytesWaitMs > 0) return { limit: "bytesPerS", retryAfterMs: bytesWaitMs };
    const waitMs = this.#messages.take(1, nowMs);
    return waitMs > 0 ? { limit: "messagesPerS", retryAfterMs: waitMs } : undefined;
  }

  /** Takes note of a join: 0, or the milliseconds until one may be. */
  chargeJoin(nowMs: number): number {
    this.#joins ??= new TokenBucket(this.#rates.joins);
    return this.#joins.take(1, nowMs);
  }

  /** Takes note of a refusal. False: there have been too many. */
  tolerates(nowMs: number): boolean {
    this.#refusals ??= new TokenBucket(this.#rates.refusals);
    return this.#refusals.take(1, nowMs) === 0;
  }
}
