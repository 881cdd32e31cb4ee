/** What an endpoint has counted since its start, and what it holds now. */
export class Counters {
  /** Open connections. */
  connections = 0;
  /** Joined channels. */
  channels = 0;
  /** Long-poll requests that wait for messages. */
  polls_waiting = 0;
  /** Handshakes that wait for their turn. */
  handshakes_waiting = 0;
  /** Handshakes that are being decided. */
  handshakes_under_way = 0;
  /** Connections that have not sent a whole request yet, where the endpoint listens by itself. */
  half_open = 0;
  /** Callbacks of channels that await something. */
  callbacks_waiting = 0;
  connects_total = 0;
  refused_connects_total = 0;
  /** Handshakes, of the refused ones, whose token was missing or did not pass. */
  refused_tokens_total = 0;
  /** Handshakes, and renewals on a socket, with a token that was refused for being dead before, and often. */
  replayed_tokens_total = 0;
  /** Connections closed with 4001 because their token has expired. */
  expired_closes_total = 0;
  /** Connections closed with 4003 because their token was revoked. */
  revoked_closes_total = 0;
  /** Tokens renewed on a socket. */
  token_refreshes_total = 0;
  /** Tokens that were to be renewed on a socket, and were refused. */
  refused_refreshes_total = 0;
  /** Joins and pushes that the client's permissions do not grant. */
  denied_total = 0;
  /** Channels ended because a renewed token does not grant them any more. */
  lost_permissions_total = 0;
  joins_total = 0;
  refused_joins_total = 0;
  messages_in_total = 0;
  channel_crashes_total = 0;
  protocol_faults_total = 0;
  /** Connections closed with 1013 because their reader let the queue pass its limit. */
  slow_readers_total = 0;
  /** Binary broadcasts that a V1 client could not be sent. */
  undeliverable_total = 0;
  /** Channels ended because their inbox passed its limit. */
  overloaded_channels_total = 0;
  /** Connections closed because nothing came from the client within the idle timeout. */
  idle_closes_total = 0;
  /** Connections closed with 1012 so that nodes hold equally many: `fleet.rebalance`. */
  rebalanced_connections_total = 0;
  /** Connections closed with 1012 because of their age: `fleet.connectionAgeMaxMs`. */
  aged_connections_total = 0;

  // What went beyond a limit: see docs/limits.md.
  /** Messages beyond `messagesPerS`. */
  limited_messages_total = 0;
  /** Messages beyond `bytesPerS`. */
  limited_bytes_total = 0;
  /** Of both kinds, those without a ref: nothing could be answered. */
  dropped_messages_total = 0;
  /** Joins beyond `joinsPerS`. */
  limited_joins_total = 0;
  /** Connections closed with 1008 because their client went on after too many refusals. */
  limit_closes_total = 0;
  /** Joins beyond `channelsMax`. */
  refused_channels_total = 0;
  /** Joins whose topic or join_ref is too long. */
  long_names_total = 0;
  /** Connections that were not read for a while, as too much waited for a join. */
  paused_reads_total = 0;
  /** Connections closed with 1009 because a message was too large. */
  oversize_messages_total = 0;
  /** Connections closed with 1008 because a message came in too many fragments. */
  oversplit_messages_total = 0;
  /** Handshakes whose `connect` took too long. */
  connect_timeouts_total = 0;
  /** Long-poll sessions beyond `sessionsMax`. */
  refused_polls_total = 0;
  /** Handshakes that had to wait for their turn. */
  queued_handshakes_total = 0;
  /** Handshakes that could not even wait. */
  refused_handshakes_total = 0;
  /** Handshakes that waited longer than `handshakeWaitMs`. */
  expired_handshakes_total = 0;
  /** Joins that had to wait for their turn. */
  queued_joins_total = 0;
  /** Joins that waited longer than `joinWaitMs`. */
  expired_joins_total = 0;
  /** Handshakes of users who have `socketsPerUserMax` sockets already. */
  refused_user_sockets_total = 0;
  /** Handshakes from addresses that have `socketsPerAddressMax` sockets already. */
  refused_address_sockets_total = 0;
  /** Connections beyond `halfOpenMax`. */
  cut_half_open_total = 0;
  /** Requests that took too long to be complete. */
  request_timeouts_total = 0;
  /** Requests whose headers are too large. */
  oversize_headers_total = 0;

  /** A copy of all figures. */
  snapshot(): Readonly<Omit<Counters, "snapshot">> {
    return { ...this };
  }
}
