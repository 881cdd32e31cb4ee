import { type ChannelContext, presence } from "simurgh";
import { type Device, type SessionMeta, typingMsMax } from "./protocol.js";

/** Who is in which room, on all nodes. */
export const people = presence<SessionMeta>();

/** One session in a room, as its channel keeps it. */
export interface Session {
  /** The name that it goes by: the key of its presence. */
  name: string;
  node: string;
  device: Device;
  /** When it came in, in ISO 8601. */
  at: string;
  typing: boolean;
  /** Of its presence as it is now. */
  ref: string | undefined;
  /** Ends the typing of a client that has fallen silent. */
  timer: NodeJS.Timeout | undefined;
}

/** What a channel tells itself when nobody has said for long enough that they go on typing. */
export const typingIsOver = Symbol("typing is over");

type SessionChannel = ChannelContext<Session, object>;

/** A session before it has come in. */
export function newSession(node: string): Session {
  return { name: "", node, device: "desktop", at: "", typing: false, ref: undefined, timer: undefined };
}

/** What a browser runs on, by what it calls itself. */
export function deviceOf(userAgent: string | undefined): Device {
  return /\bMobi/i.test(userAgent ?? "") ? "phone" : "desktop";
}

/** Makes a session known in its room, and the room to it. */
export function comeIn(ch: SessionChannel): void {
  ch.assigns.at = new Date().toISOString();
  people.track(ch, ch.assigns.name, metaOf(ch.assigns));
  people.pushState(ch);
}

/**
 * The session goes by another name: it comes in under that before it leaves under the old one. Whoever is typing
 * says so again soon.
 */
export function goBy(ch: SessionChannel, name: string): void {
  const before = ch.assigns.name;
  if (name === before) return;
  setTyping(ch, false);
  people.track(ch, name, metaOf(ch.assigns));
  people.untrack(ch, before);
  ch.assigns.name = name;
}

/** Tells the room whether the session is typing; it is no longer when it has not said so again for a while. */
export function setTyping(ch: SessionChannel, typing: boolean): void {
  const session = ch.assigns;
  clearTimeout(session.timer);
  session.timer = typing ? setTimeout(() => ch.send(typingIsOver), typingMsMax).unref() : undefined;
  // Who goes on typing says so every few seconds, and the others know.
  if (session.typing === typing) return;
  session.typing = typing;
  const updated = people.update(ch, session.name, metaOf(session));
  session.ref = updated.ok ? updated.ref : undefined;
}

/** The session is over; its presence ends by itself. */
export function goAway({ timer }: Session): void {
  clearTimeout(timer);
}

function metaOf({ node, device, at, typing }: Session): SessionMeta {
  return typing ? { node, device, at, typing } : { node, device, at };
}
