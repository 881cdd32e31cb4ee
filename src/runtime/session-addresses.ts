import { phx } from "../core/protocol/message.js";
import type { Channel } from "./channel.js";
import type { WireAddress } from "./serializer.js";

/** The connection's own topic. */
export const OWN_ADDRESS: WireAddress = {
  topic: phx.topic,
  topicJson: JSON.stringify(phx.topic),
  joinRef: null,
  joinRefJson: "null",
};

/** The address of what a join is told: with the join_ref as the client sent it. */
export function joinAddress(channel: Channel): WireAddress {
  if (channel.sentJoinRef !== null) return channel;
  return { topic: channel.topic, topicJson: channel.topicJson, joinRef: null, joinRefJson: "null" };
}
