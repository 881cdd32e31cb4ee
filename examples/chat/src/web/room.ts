import type { Channel } from "phoenix";
import { type ChatMessage, topicPrefix, type Welcome } from "../protocol.js";
import type { Connection } from "./connection.js";
import { thisDevice } from "./device.js";
import { People } from "./people.js";

/** A message in the list of a room. */
export interface MessageEntry {
  readonly kind: "message";
  readonly id: string;
  readonly own: boolean;
  readonly name: string;
  readonly body: string;
  /** When it was written here, until the server has said when it came in. */
  at: Date;
  /** Not known before the server has it. */
  node: string | undefined;
  status: "pending" | "sent" | "failed";
  /** Why it failed. */
  fault: string | undefined;
  /** Whether it has left this page over the present connection, and its answer is awaited. */
  onWire: boolean;
  attempt: number;
}

/** A remark of the page itself. */
export interface NoteEntry {
  readonly kind: "note";
  readonly id: string;
  readonly text: string;
  readonly at: Date;
}

/** A line in the list of a room. */
export type Entry = MessageEntry | NoteEntry;

/** Whoever shows rooms is told what happens in them. */
export interface RoomListener {
  entered(room: Room, welcome: Welcome): void;
  added(room: Room, entry: Entry): void;
  changed(room: Room, entry: Entry): void;
  dropped(room: Room, entry: Entry): void;
  /** Somebody came, went, or moved, or began or ended to type. */
  people(room: Room): void;
}

/** Above: the oldest are dropped. */
const entriesMax = 500;
/** How long a message may wait for a connection and an answer. */
const sendTimeoutMs = 60_000;

/** One room that this page is in. */
export class Room {
  readonly name: string;
  /** Messages that came while the room was not shown. */
  unread = 0;
  readonly people: People;
  readonly #connection: Connection;
  readonly #listener: RoomListener;
  readonly #channel: Channel;
  readonly #entries = new Map<string, Entry>();
  #myName: string | undefined;
  #refusal: string | undefined;

  /** Enters the room, as `myName()` or as a guest. */
  constructor(
    name: string,
    connection: Connection,
    myName: () => string | undefined,
    listener: RoomListener,
  ) {
    this.name = name;
    this.#connection = connection;
    this.#listener = listener;
    this.#channel = connection.socket.channel(`${topicPrefix}${name}`, () => {
      const name = myName();
      return name === undefined ? { device: thisDevice } : { name, device: thisDevice };
    });
    this.people = new People(this.#channel, () => listener.people(this));
    this.#channel.on("new_msg", (message: ChatMessage) => this.#received(message));
    this.#channel
      .join()
      .receive("ok", (welcome: Welcome) => this.#entered(welcome))
      .receive("error", (refusal: { reason?: unknown }) => this.#refused(String(refusal.reason)));
  }

  /** The name that the server knows us by here. */
  get myName(): string | undefined {
    return this.#myName;
  }

  /** Oldest first. */
  get entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Sends a message now, or when the connection is back. */
  send(body: string): void {
    const entry: MessageEntry = {
      kind: "message",
      id: makeId(),
      own: true,
      name: this.#myName ?? "",
      body,
      at: new Date(),
      node: undefined,
      status: "pending",
      fault: undefined,
      onWire: false,
      attempt: 0,
    };
    this.#add(entry);
    this.#push(entry);
  }

  /** Sends a message again that failed. */
  retry(entry: MessageEntry): void {
    entry.status = "pending";
    entry.fault = undefined;
    this.#listener.changed(this, entry);
    this.#push(entry);
  }

  /** Goes by another name from now on. */
  rename(name: string): void {
    this.#myName = name;
    this.#channel.push("rename", { name });
  }

  /** Tells the room that something is being written, or no longer. Not when it cannot be told now: it passes. */
  type(typing: boolean): void {
    if (this.#channel.state !== "joined") return;
    this.#channel
      .push("typing", { typing })
      .receive("ok", ({ ref }: { ref?: string }) => this.people.own(ref));
  }

  /** Asks the node to die. */
  killNode(): void {
    this.#channel.push("kill", {});
  }

  /** Adds a remark. */
  note(text: string): void {
    this.#add({ kind: "note", id: makeId(), text, at: new Date() });
  }

  leave(): void {
    this.#channel.leave();
    this.people.end();
  }

  #push(entry: MessageEntry): void {
    const attempt = ++entry.attempt;
    // Otherwise phoenix.js holds the message back until the room is entered again.
    entry.onWire = this.#connection.socket.isConnected() && this.#channel.state === "joined";
    const answered = (fault?: string) => {
      if (entry.attempt === attempt && entry.status === "pending") this.#settle(entry, fault);
    };
    this.#channel
      .push("new_msg", { id: entry.id, body: entry.body }, sendTimeoutMs)
      .receive("ok", () => answered())
      .receive("error", (refusal) => answered(faultText(refusal)))
      .receive("timeout", () => answered("no answer"));
  }

  #settle(entry: MessageEntry, fault?: string): void {
    entry.status = fault === undefined ? "sent" : "failed";
    entry.fault = fault;
    this.#listener.changed(this, entry);
  }

  #entered(welcome: Welcome): void {
    this.#myName = welcome.name;
    this.#refusal = undefined;
    this.#listener.entered(this, welcome);
    for (const entry of this.#entries.values()) {
      if (entry.kind !== "message" || entry.status !== "pending") continue;
      // The answer was lost with the connection, and maybe the message. Everybody drops the second one of an id.
      if (entry.onWire) this.#push(entry);
      // What phoenix.js held back has left just now.
      else entry.onWire = true;
    }
  }

  #refused(reason: string): void {
    // phoenix.js tries again and again; the same refusal need not be told twice.
    if (this.#refusal === reason) return;
    this.#refusal = reason;
    this.note(`The room does not let you in: ${reason}.`);
  }

  #received(message: ChatMessage): void {
    const known = this.#entries.get(message.id);
    if (known === undefined) {
      this.#add({
        ...message,
        kind: "message",
        own: false,
        at: new Date(message.at),
        status: "sent",
        fault: undefined,
        onWire: false,
        attempt: 0,
      });
    } else if (known.kind === "message" && known.own && known.node === undefined) {
      known.at = new Date(message.at);
      known.node = message.node;
      this.#settle(known);
    }
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.id, entry);
    this.#listener.added(this, entry);
    for (const [id, oldest] of this.#entries) {
      if (this.#entries.size <= entriesMax) return;
      this.#entries.delete(id);
      this.#listener.dropped(this, oldest);
    }
  }
}

/** The server's words for a payload that it refuses. */
function faultText(refusal: { reason?: unknown; issues?: { message?: unknown }[] } | undefined): string {
  return String(refusal?.issues?.[0]?.message ?? refusal?.reason ?? "refused");
}

/** `crypto.randomUUID` is there on safe origins only, and a phone in the same network has none. */
function makeId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
