/** What a mesh node counts from its start on. The names are those of `stats()`. */
export type Counters = {
  bytes_in: number;
  bytes_out: number;
  writes: number;
  frames_in: number;
  /** Calls of `publish`. */
  messages_published: number;
  /** Copies sent to peers. */
  messages_out: number;
  message_bytes_out: number;
  messages_in: number;
  message_bytes_in: number;
  /** Messages that arrived for a topic without a local subscriber. */
  messages_unwanted: number;
  deliver_errors: number;
  dropped_messages: number;
  dropped_bytes: number;
  beats_in: number;
  beats_out: number;
  probes_out: number;
  interest_in: number;
  interest_out: number;
  interest_timeouts: number;
  interest_overflows: number;
  topics_unannounceable: number;
  dials: number;
  dials_failed: number;
  links_accepted: number;
  links_opened: number;
  links_lost: number;
  links_silent: number;
  links_replaced: number;
  handshakes_timed_out: number;
  handshakes_evicted: number;
  refused_version: number;
  refused_secret: number;
  refused_duplicate_name: number;
  refused_already_linked: number;
  refused_self: number;
  refused_name_unexpected: number;
  refused_links_full: number;
  refused_leaving: number;
  refused_protocol: number;
  protocol_faults: number;
  tls_faults: number;
  logs_suppressed: number;
};

/** All at nought. */
export function createCounters(): Counters {
  return {
    bytes_in: 0,
    bytes_out: 0,
    writes: 0,
    frames_in: 0,
    messages_published: 0,
    messages_out: 0,
    message_bytes_out: 0,
    messages_in: 0,
    message_bytes_in: 0,
    messages_unwanted: 0,
    deliver_errors: 0,
    dropped_messages: 0,
    dropped_bytes: 0,
    beats_in: 0,
    beats_out: 0,
    probes_out: 0,
    interest_in: 0,
    interest_out: 0,
    interest_timeouts: 0,
    interest_overflows: 0,
    topics_unannounceable: 0,
    dials: 0,
    dials_failed: 0,
    links_accepted: 0,
    links_opened: 0,
    links_lost: 0,
    links_silent: 0,
    links_replaced: 0,
    handshakes_timed_out: 0,
    handshakes_evicted: 0,
    refused_version: 0,
    refused_secret: 0,
    refused_duplicate_name: 0,
    refused_already_linked: 0,
    refused_self: 0,
    refused_name_unexpected: 0,
    refused_links_full: 0,
    refused_leaving: 0,
    refused_protocol: 0,
    protocol_faults: 0,
    tls_faults: 0,
    logs_suppressed: 0,
  };
}
