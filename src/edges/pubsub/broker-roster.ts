import type { Clock } from "../../contracts/clock.js";

/**
 * hello: a node has come, and asks who else is there. here: it is there; the answer, and from time to time.
 * leave: it goes.
 */
type Kind = "hello" | "here" | "leave";

interface Announcement {
  readonly kind: Kind;
  readonly node: string;
  /** Tells this life of the node from every other. */
  readonly life: string;
}

/** Most nodes remembered; others are not listed, though messages to and from them flow. */
const nodesMax = 4_096;
const announcementBytesMax = 2_048;

interface Known {
  life: string;
  heardAtMs: number;
}

/** What a {@link BrokerRoster} needs of its engine. */
export interface RosterOwner {
  /** Sends to every node, or to one. */
  announce(data: Uint8Array, to: string | undefined): void;
  onUp(node: string): void;
  onDown(node: string, reason: string): void;
  /** Another process has this node's name. */
  onDuplicate(): void;
}

/** Reads what came from the broker, where anybody may write. */
function parse(data: Uint8Array): Announcement | undefined {
  if (data.length > announcementBytesMax) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    if (typeof value !== "object" || value === null) return undefined;
    const { kind, node, life }: { kind?: unknown; node?: unknown; life?: unknown } = value;
    if (kind !== "hello" && kind !== "here" && kind !== "leave") return undefined;
    return typeof node === "string" && typeof life === "string" ? { kind, node, life } : undefined;
  } catch {
    // Not JSON: the caller counts it as malformed.
    return undefined;
  }
}

/** Who is there, as far as the nodes themselves say so. A broker does not tell. */
export class BrokerRoster {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #self: { readonly node: string; readonly life: string };
  readonly #owner: RosterOwner;
  readonly #known = new Map<string, Known>();

  constructor(clock: Clock, timeoutMs: number, self: { node: string; life: string }, owner: RosterOwner) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#self = self;
    this.#owner = owner;
  }

  names(): string[] {
    return [...this.#known.keys()];
  }

  get size(): number {
    return this.#known.size;
  }

  /** The broker can be reached: asks who is there. */
  hello(): void {
    this.#say("hello", undefined);
  }

  leave(): void {
    this.#say("leave", undefined);
  }

  /** Tells the others, and forgets those who do not. */
  tick(): void {
    this.#say("here", undefined);
    const nowMs = this.#clock.monotonic();
    for (const [node, { heardAtMs }] of this.#known) {
      if (nowMs - heardAtMs > this.#timeoutMs) this.#drop(node, "silent");
    }
  }

  /** Takes an announcement. False: it is none. */
  receive(data: Uint8Array): boolean {
    const announcement = parse(data);
    if (announcement === undefined) return false;
    const { kind, node, life } = announcement;
    if (node === this.#self.node) {
      if (life !== this.#self.life && kind !== "leave") this.#owner.onDuplicate();
      return true;
    }
    const known = this.#known.get(node);
    if (kind === "leave") {
      if (known?.life === life) this.#drop(node, "left");
      return true;
    }
    if (known === undefined) this.#add(node, life);
    else this.#refresh(node, known, life);
    if (kind === "hello") this.#say("here", node);
    return true;
  }

  /** Nobody can be reached any more. */
  clear(reason: string): void {
    for (const node of this.names()) this.#drop(node, reason);
  }

  #add(node: string, life: string): void {
    if (this.#known.size >= nodesMax) return;
    this.#known.set(node, { life, heardAtMs: this.#clock.monotonic() });
    this.#owner.onUp(node);
  }

  #refresh(node: string, known: Known, life: string): void {
    known.heardAtMs = this.#clock.monotonic();
    if (known.life === life) return;
    this.#drop(node, "restarted");
    this.#add(node, life);
  }

  #drop(node: string, reason: string): void {
    if (this.#known.delete(node)) this.#owner.onDown(node, reason);
  }

  #say(kind: Kind, to: string | undefined): void {
    const announcement: Announcement = { kind, ...this.#self };
    this.#owner.announce(Buffer.from(JSON.stringify(announcement)), to);
  }
}
