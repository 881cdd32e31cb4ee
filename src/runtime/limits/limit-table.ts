import { mountDefaults, socketLimitDefaults } from "../endpoint-options.js";
import type { SocketLimits } from "../mount.js";
import type { LimitCounter } from "./limit-reports.js";
import { type NodeLimits, nodeLimitDefaults } from "./node-limits.js";

/** One limit. The table is kept equal to `docs/limits.md` by a test. */
export interface LimitRow {
  /** The option that sets it. */
  readonly option: string;
  /** Whose option it is. */
  readonly of: "mount" | "endpoint";
  readonly value: number;
  /** Where its cases are counted, among `endpoint.stats()`. */
  readonly counter: LimitCounter;
  /** What it bounds, and what happens beyond. */
  readonly effect: string;
}

type Text = readonly [counter: LimitCounter, effect: string];

const socketTexts: { readonly [Name in keyof SocketLimits]: Text } = {
  channelsMax: ["refused_channels_total", "channels joined on one connection: the join is refused"],
  inboxMax: ["overloaded_channels_total", "messages that wait for a busy channel: it ends with `phx_error`"],
  heldMessagesMax: [
    "paused_reads_total",
    "messages that wait for a join: this client is not read until it is answered",
  ],
  heldBytesMax: [
    "paused_reads_total",
    "their bytes: the same; what was read already, one message of any size say, still waits",
  ],
  nameLengthMax: [
    "long_names_total",
    "UTF-16 code units of a topic, or of a join_ref, in a join: it is refused",
  ],
  queueBytesMax: ["slow_readers_total", "bytes that wait for one reader: close 1013"],
  messagesPerS: [
    "limited_messages_total",
    "messages a second from one client: error reply `rate limited` with `retry_after_ms`",
  ],
  messagesBurstMax: ["limited_messages_total", "messages at once, when few came before: the same"],
  bytesPerS: ["limited_bytes_total", "bytes a second from one client (of text, UTF-16 code units): the same"],
  bytesBurstMax: [
    "limited_bytes_total",
    "bytes at once: the same; a larger message may come alone, and is then waited off",
  ],
  joinsPerS: [
    "limited_joins_total",
    "joins a second from one client: error reply `too many joins` with `retry_after_ms`",
  ],
  joinsBurstMax: ["limited_joins_total", "joins at once, when few came before: the same"],
  refusalsMax: ["limit_closes_total", "such error replies in a minute, more or less: close 1008"],
};

const nodeTexts: { readonly [Name in keyof NodeLimits]: Text } = {
  handshakesMax: [
    "queued_handshakes_total",
    "handshakes under way: they wait, the oldest first; without admission 503",
  ],
  handshakeQueueMax: ["refused_handshakes_total", "handshakes that wait: 503 with `retry-after`"],
  handshakeWaitMs: ["expired_handshakes_total", "time that one may wait: 503 with `retry-after`"],
  joinsMax: ["queued_joins_total", "joins of the node under way: they wait, the oldest first"],
  joinsPerS: ["queued_joins_total", "joins of the node a second: they wait, the oldest first"],
  joinWaitMs: [
    "expired_joins_total",
    "time that a join may wait: error reply `too many joins` with `retry_after_ms`",
  ],
  socketsPerUserMax: ["refused_user_sockets_total", "sockets of one user: 429 with `retry-after`"],
  socketsPerAddressMax: [
    "refused_address_sockets_total",
    "sockets of one address, with `trustedProxies` only: 429 with `retry-after`",
  ],
  halfOpenMax: [
    "cut_half_open_total",
    "connections that have not sent a whole request yet: the oldest is cut",
  ],
  headersTimeoutMs: [
    "request_timeouts_total",
    "time until the headers of a request are complete, the first byte included: 408",
  ],
  requestTimeoutMs: ["request_timeouts_total", "time until a request is complete: 408"],
  headerBytesMax: ["oversize_headers_total", "bytes of the headers of a request: 431"],
};

const mountRows: readonly LimitRow[] = [
  row("connectTimeoutMs", "mount", mountDefaults.connectTimeoutMs, [
    "connect_timeouts_total",
    "time that `connect` may take: 503",
  ]),
  row("websocket.timeoutMs", "mount", mountDefaults.timeoutMs, [
    "idle_closes_total",
    "time without a byte from the client: close 1002, within a quarter more of that time",
  ]),
  row("websocket.frameBytesMax", "mount", mountDefaults.frameBytesMax, [
    "oversize_messages_total",
    "bytes of one message, compressed or not: close 1009",
  ]),
  row("longpoll.sessionsMax", "mount", mountDefaults.sessionsMax, [
    "refused_polls_total",
    "long-poll sessions of the mount on one node: 503",
  ]),
];

function row(option: string, of: LimitRow["of"], value: number, [counter, effect]: Text): LimitRow {
  return { option, of, value, counter, effect };
}

function rowsOf<Limits extends object>(
  of: LimitRow["of"],
  values: { readonly [Name in keyof Limits]: number },
  texts: { readonly [Name in keyof Limits]: Text },
): LimitRow[] {
  // Object.entries forgets that these are the keys of Limits, and so of texts.
  const names = Object.keys(values) as (keyof Limits & string)[];
  return names.map((name) => row(`limits.${name}`, of, values[name], texts[name]));
}

/** Every limit that is an option. */
export const limitTable: readonly LimitRow[] = [
  ...mountRows,
  ...rowsOf<SocketLimits>("mount", socketLimitDefaults, socketTexts),
  ...rowsOf<NodeLimits>("endpoint", nodeLimitDefaults, nodeTexts),
];
