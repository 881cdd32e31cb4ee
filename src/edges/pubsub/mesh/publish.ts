import { SimurghError } from "../../../runtime/errors.js";
import type { MeshContext } from "./context.js";
import { encodeTopic } from "./local-topics.js";
import type { PeerLink } from "./peer-link.js";
import { encodeMessageHead, headerBytes, topicBytesMax } from "./wire.js";

/** Bytes of a message frame besides topic and data. */
const overheadBytes = headerBytes + 2;

function requireFitting(topic: string, data: Uint8Array, frameBytesMax: number): void {
  // A character takes three bytes at most, so for nearly every message nothing has to be measured.
  const most = topic.length * 3;
  if (most <= topicBytesMax && overheadBytes + most + data.length <= frameBytesMax) return;
  const topicBytes = Buffer.byteLength(topic, "utf8");
  if (topicBytes > topicBytesMax) {
    throw new SimurghError(
      "payload_too_large",
      `the topic has ${topicBytes} bytes, more than ${topicBytesMax}`,
    );
  }
  const size = overheadBytes + topicBytes + data.length;
  if (size > frameBytesMax) {
    throw new SimurghError(
      "payload_too_large",
      `the message needs ${size} bytes, more than ${frameBytesMax}`,
    );
  }
}

function drop({ counters, logger }: MeshContext, link: PeerLink, size: number): void {
  counters.dropped_messages += 1;
  counters.dropped_bytes += size;
  if (link.dropping) return;
  link.dropping = true;
  logger.warn("mesh queue full, messages to this node are dropped", {
    node: link.peerName,
    queued_bytes: link.outbox.queuedBytes,
  });
}

/** Sends one message to whoever wants it. It is laid down once, however many there are. */
export function publishTo(
  context: MeshContext | undefined,
  frameBytesMax: number,
  topic: string,
  data: Uint8Array,
): void {
  requireFitting(topic, data, frameBytesMax);
  if (context === undefined) return;
  const { counters, remote, turn } = context;
  counters.messages_published += 1;
  const interest = remote.find(topic);
  if (interest === undefined) return;
  // A topic in the map came over the wire, so its bytes fit and are well-formed.
  interest.head ??= encodeMessageHead(encodeTopic(topic) ?? new Uint8Array());
  const { head, peers } = interest;
  const size = head.length + data.length;
  const start = turn.reserve(size);
  const { slab } = turn;
  slab.set(head, start);
  slab.writeUInt32BE(size - 4, start);
  slab.set(data, start + head.length);
  const end = start + size;
  for (const link of peers) {
    if (!link.outbox.hasRoom(size) || size - 4 > link.frameBytesMax) {
      drop(context, link, size);
      continue;
    }
    counters.messages_out += 1;
    counters.message_bytes_out += data.length;
    link.outbox.add(start, end);
  }
}
