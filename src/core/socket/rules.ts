import { type Message, phx, type Ref } from "../protocol/message.js";

/** What the session does with a message. The rules are evaluated in the order of this list. */
export type Verdict =
  | "heartbeat"
  /** The topic is joined: end the old channel, then join anew. */
  | "rejoin"
  /** For the joined channel: leave. */
  | "leave"
  /** For the joined channel: an event. */
  | "deliver"
  /** Sent under an earlier join of the topic: drop without a word. */
  | "stale"
  | "join"
  | "too_many"
  | "already_left"
  | "unmatched";

/**
 * Judges a message by what is joined: `joined` is the join_ref that the session remembers for the topic (null is
 * a value: a join without join_ref), undefined when the topic is not joined.
 */
export function judge(
  message: Message,
  joined: Ref | undefined,
  channelCount: number,
  channelsMax: number,
): Verdict {
  const { topic, event } = message;
  if (topic === phx.topic && event === phx.heartbeat) return "heartbeat";
  if (joined !== undefined) {
    if (event === phx.join) return "rejoin";
    if (message.joinRef !== null && message.joinRef !== joined) return "stale";
    return event === phx.leave ? "leave" : "deliver";
  }
  if (event === phx.join) return channelCount >= channelsMax ? "too_many" : "join";
  if (event === phx.leave) return "already_left";
  return "unmatched";
}
