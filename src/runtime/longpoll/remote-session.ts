import {
  type ClientFrame,
  GONE,
  NOTHING,
  type PollAnswer,
  type PollTarget,
  type PostStatus,
} from "./answers.js";
import type { AskOutcome, PollExchange } from "./exchange.js";
import { toPieces } from "./poll-wire.js";

/** How long a session of another node is waited for. */
export interface RemoteTimes {
  readonly windowMs: number;
  readonly pubsubTimeoutMs: number;
}

/** A session of another node. */
export class RemoteSession implements PollTarget {
  readonly #topic: string;
  readonly #exchange: PollExchange;
  readonly #times: RemoteTimes;

  constructor(topic: string, exchange: PollExchange, times: RemoteTimes) {
    this.#topic = topic;
    this.#exchange = exchange;
    this.#times = times;
  }

  async poll(gone: AbortSignal): Promise<PollAnswer | undefined> {
    const { windowMs, pubsubTimeoutMs } = this.#times;
    const times = { takenMs: pubsubTimeoutMs, doneMs: windowMs + pubsubTimeoutMs };
    const outcome = await this.#exchange.ask(this.#topic, { kind: "poll", frames: [] }, times, gone);
    switch (outcome.kind) {
      case "done":
        return outcome.status === 200 ? { status: 200, messages: outcome.messages } : endOf(outcome.status);
      case "late":
        return NOTHING;
      case "nobody":
      case "too_large":
        return undefined;
      default:
        return outcome satisfies never;
    }
  }

  async post(frames: readonly ClientFrame[]): Promise<PostStatus> {
    const { windowMs, pubsubTimeoutMs } = this.#times;
    for (const piece of toPieces(frames)) {
      const times = { takenMs: pubsubTimeoutMs, doneMs: windowMs * piece.length + pubsubTimeoutMs };
      const outcome = await this.#exchange.ask(this.#topic, { kind: "post", frames: piece }, times);
      const status = postStatus(outcome);
      if (status !== 200) return status;
    }
    return 200;
  }
}

function endOf(status: number): PollAnswer {
  return status === 204 ? NOTHING : GONE;
}

function postStatus(outcome: AskOutcome): PostStatus {
  switch (outcome.kind) {
    case "done":
      return outcome.status === 204 ? 200 : outcome.status;
    case "late":
      return 408;
    case "nobody":
      return 410;
    case "too_large":
      return 413;
    default:
      return outcome satisfies never;
  }
}
