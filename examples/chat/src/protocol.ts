/** What server and page say to each other in a room, and its limits. */

/** Characters (code points) of one message. */
export const bodyCharsMax = 4_000;
/** Characters of a name. */
export const nameCharsMax = 40;
/** Characters of a room's name: what follows `room:` in its topic. */
export const roomCharsMax = 100;

/** A client that writes says so again within this time; who has fallen silent for longer is not typing. */
export const typingMsMax = 6_000;

/** Topics of rooms begin with this. */
export const topicPrefix = "room:";

/** Where guests sign in, by POST of `{name?, token?}`. */
export const signInPath = "/session";

/** The answer to that. */
export interface SignedIn {
  readonly name: string;
  /** What the socket wants as its auth token. */
  readonly token: string;
  readonly expiresInS: number;
}

/** The answer to a join. */
export interface Welcome {
  /** The node that this client is connected to. */
  readonly node: string;
  /** Whether the node is started again when it dies: only then will it obey `kill`. */
  readonly supervised: boolean;
  /** The name that this client goes by: the one it asked for, or a guest's. */
  readonly name: string;
  readonly transport: "websocket" | "longpoll";
}

/** A message as everybody in the room receives it. */
export interface ChatMessage {
  /** Unique; made by the sender if it sent one. A client that sends again after a lost answer uses the same. */
  readonly id: string;
  readonly body: string;
  readonly name: string;
  /** The node that the message came in at. */
  readonly node: string;
  /** When it came in there, in ISO 8601. */
  readonly at: string;
}

/** What somebody is there with. */
export type Device = "desktop" | "phone";

/** One session in a room, as presences tell of it; its key is the name. */
export type SessionMeta = {
  /** The node that the session is connected to. */
  readonly node: string;
  readonly device: Device;
  /** When it came into the room, in ISO 8601. */
  readonly at: string;
  /** There as long as something is being written. */
  readonly typing?: true;
};

/** Counts characters as people do, not as UTF-16 does. */
export function countChars(text: string): number {
  let count = 0;
  for (const _char of text) count++;
  return count;
}
