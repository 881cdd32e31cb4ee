import { randomUUID } from "node:crypto";
import { type ChannelDefinition, error, event, type NodeContext, ok, type Payload, socket } from "simurgh";
import { z } from "zod";
import { comeIn, goAway, goBy, newSession, setTyping, typingIsOver } from "./people.js";
import {
  bodyCharsMax,
  type ChatMessage,
  countChars,
  type Device,
  nameCharsMax,
  roomCharsMax,
  topicPrefix,
  type Welcome,
} from "./protocol.js";

/** Time for the last answer to leave before the node dies. */
const lastWordsMs = 50;

const name = z.string().trim().max(nameCharsMax);
const body = z
  .string()
  .refine((text) => text.trim() !== "", "the message is empty")
  .refine(
    (text) => text.length <= 2 * bodyCharsMax && countChars(text) <= bodyCharsMax,
    `the message is longer than ${bodyCharsMax} characters`,
  );
const id = z.string().regex(/^[\w-]{8,64}$/);
/** A device that nobody has heard of is no reason to refuse anybody. */
const device = z.enum(["desktop", "phone"]).optional().catch(undefined);

/** Somebody who is connected: the name he goes by until a join gives another, and what he is there with. */
export interface Visitor {
  readonly guest: string;
  readonly usual: Device;
}

const visitors = socket<Visitor>();

/** The channel behind `room:*`. */
export function createRoom(node: Pick<NodeContext, "name" | "supervised" | "logger">): ChannelDefinition {
  return visitors.channel({
    params: z.object({ name: name.optional(), device }),
    payloads: {
      new_msg: z.object({ body, id: id.optional() }),
      rename: z.object({ name: name.min(1) }),
      typing: z.object({ typing: z.boolean() }),
    },
    events: { new_msg: event<ChatMessage>(), shout: event<object>() },
    assigns: () => newSession(node.name),

    join(ch, params) {
      const room = ch.topic.slice(topicPrefix.length);
      if (room === "" || countChars(room) > roomCharsMax) return error({ reason: "no such room" });
      ch.assigns.name = params.name || ch.assigns.guest;
      ch.assigns.device = params.device ?? ch.assigns.usual;
      const welcome: Welcome = {
        node: node.name,
        supervised: node.supervised,
        name: ch.assigns.name,
        transport: ch.socket.transport,
      };
      return ok(welcome);
    },

    afterJoin: (ch) => comeIn(ch),
    terminate: (ch) => goAway(ch.assigns),
    info(ch, message) {
      if (message === typingIsOver) setTyping(ch, false);
    },

    in: {
      new_msg(ch, { body, id = randomUUID() }) {
        const at = new Date().toISOString();
        ch.broadcast("new_msg", { id, body, name: ch.assigns.name, node: node.name, at });
        return ok({ id });
      },
      rename(ch, { name }) {
        goBy(ch, name);
        return ok({ name });
      },
      typing(ch, { typing }) {
        setTyping(ch, typing);
        return ok({ ref: ch.assigns.ref });
      },
      ping: (_ch, payload) => ok(payload),
      shout(ch, payload) {
        if (!isBroadcastable(payload)) return error({ reason: "a broadcast takes an object or bytes" });
        ch.broadcast("shout", payload);
      },
      kill() {
        if (!node.supervised) return error({ reason: "nobody would start this node again" });
        node.logger.warn("a client has asked this node to die");
        setTimeout(() => process.kill(process.pid, "SIGKILL"), lastWordsMs);
        return ok();
      },
    },
  });
}

/** Clients may send any JSON as a payload, but broadcasts are objects or bytes. */
function isBroadcastable(payload: Payload): payload is Extract<Payload, object> {
  return typeof payload === "object" && payload !== null && !Array.isArray(payload);
}
