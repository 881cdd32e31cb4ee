/** What an endpoint has counted since its start, and what it holds now. */
export class Counters {
  /** Open connections. */
  connections = 0;
  /** Joined channels. */
  channels = 0;
  /** Long-poll requests that wait for messages. */
  polls_waiting = 0;
  connects_total = 0;
  refused_connects_total = 0;
  /** Handshakes, of the refused ones, whose token was missing or did not pass. */
  refused_tokens_total = 0;
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

  /** A copy of all figures. */
  snapshot(): Readonly<Omit<Counters, "snapshot">> {
    return { ...this };
  }
}
