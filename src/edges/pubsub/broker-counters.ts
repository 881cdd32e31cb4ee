/** What a broker's engine counts from its start on. The names are those of `stats()`. */
export type BrokerCounters = {
  /** Calls of `publish`. */
  messages_published: number;
  messages_out: number;
  message_bytes_out: number;
  messages_in: number;
  message_bytes_in: number;
  /** Messages of this node that the broker sent back. */
  messages_echoed: number;
  /** Messages that arrived for a topic without a local subscriber. */
  messages_unwanted: number;
  /** Messages that no node of this cluster can have sent. */
  messages_malformed: number;
  deliver_errors: number;
  /** Messages that were published while the broker was away or its queue was full. */
  dropped_messages: number;
  dropped_bytes: number;
  interest_timeouts: number;
  attempts: number;
  attempts_failed: number;
  links_lost: number;
  /** Of the lost links those whose broker gave no sign of life. */
  links_silent: number;
  /** Times that the broker did not let this node do something. */
  refusals: number;
  duplicate_names: number;
};

/** All at nought. */
export function createBrokerCounters(): BrokerCounters {
  return {
    messages_published: 0,
    messages_out: 0,
    message_bytes_out: 0,
    messages_in: 0,
    message_bytes_in: 0,
    messages_echoed: 0,
    messages_unwanted: 0,
    messages_malformed: 0,
    deliver_errors: 0,
    dropped_messages: 0,
    dropped_bytes: 0,
    interest_timeouts: 0,
    attempts: 0,
    attempts_failed: 0,
    links_lost: 0,
    links_silent: 0,
    refusals: 0,
    duplicate_names: 0,
  };
}
