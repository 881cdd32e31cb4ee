import type { Link } from "../../../contracts/network.js";
import type { Counters } from "./counters.js";

/** Bytes in which the frames of a turn are written, once for all peers that get them. */
const slabBytes = 65_536;

/** From this size on a peer is handed the slab itself; below, a copy, so that a slow peer cannot keep slabs alive. */
const shareBytesMin = 4_096;

/** Blocks in which bytes wait for a peer that is slow to read. */
const heldBlockBytes = 65_536;

/**
 * Where the frames of one turn of the event loop are laid down. A frame for four peers is written here once; each
 * peer's outbox remembers only where. At the end of the turn every peer gets its bytes in one write.
 */
export class Turn {
  slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  #offset = 0;
  #dirty: Outbox[] = [];
  /** Who was handed a part of the slab itself, and may still refer to it. */
  readonly #borrowers = new Set<Outbox>();
  #ending: (() => void)[] = [];
  #scheduled = false;
  readonly #defer: (flush: () => void) => void;
  readonly #flush = () => {
    this.#scheduled = false;
    const ending = this.#ending;
    this.#ending = [];
    for (const callback of ending) callback();
    this.flush();
  };

  /** `defer` runs its argument once, after everything that this turn of the event loop still has to do. */
  constructor(defer: (flush: () => void) => void) {
    this.#defer = defer;
  }

  /** Makes room for `size` bytes in the slab; returns where they go. A full slab goes out before the turn ends. */
  reserve(size: number): number {
    if (this.#offset + size > this.slab.length) {
      this.flush();
      this.#turnOver(size);
    }
    const start = this.#offset;
    this.#offset = start + size;
    return start;
  }

  /** Notes that an outbox was handed a part of the slab itself. */
  lend(outbox: Outbox): void {
    this.#borrowers.add(outbox);
  }

  /** Lays down one frame for one peer. */
  send(outbox: Outbox, frame: Uint8Array): void {
    const start = this.reserve(frame.length);
    this.slab.set(frame, start);
    outbox.add(start, start + frame.length);
  }

  /** An outbox has something for this turn. */
  markDirty(outbox: Outbox): void {
    this.#dirty.push(outbox);
    this.#schedule();
  }

  /** Runs `callback` once when the turn ends, before its bytes are written. */
  atEnd(callback: () => void): void {
    this.#ending.push(callback);
    this.#schedule();
  }

  /** Writes everything laid down so far. */
  flush(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    this.#dirty = [];
    for (const outbox of dirty) outbox.flush();
  }

  /** Begins a slab: the same again when the system has taken all of it, which it mostly has. */
  #turnOver(size: number): void {
    let free = size <= slabBytes && this.slab.length === slabBytes;
    for (const { queuedBytes } of this.#borrowers) free &&= queuedBytes === 0;
    if (!free) this.slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, size));
    this.#borrowers.clear();
    this.#offset = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.#flush);
  }
}

/** What waits for one peer. Frames leave in the order of `add`; nothing is ever written twice. */
export class Outbox {
  readonly #turn: Turn;
  readonly #link: Link;
  readonly #counters: Counters;
  readonly #queueBytesMax: number;
  /** Pairs of start and end in the turn's slab; neighbours are one pair. */
  #runs: number[] = [];
  #runBytes = 0;
  /** Bytes that waited when last asked; since then it can only have become less. */
  #queuedBytes = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #block: Buffer | undefined;
  #blockUsed = 0;
  #blocked = false;
  #closed = false;

  constructor(turn: Turn, link: Link, queueBytesMax: number, counters: Counters) {
    this.#turn = turn;
    this.#link = link;
    this.#queueBytesMax = queueBytesMax;
    this.#counters = counters;
  }

  /** Everything accepted and not yet handed to the system. */
  get queuedBytes(): number {
    return this.#runBytes + this.#heldBytes + this.#link.queuedBytes;
  }

  /** Whether `size` more bytes stay under the limit. */
  hasRoom(size: number): boolean {
    if (this.#queuedBytes + this.#runBytes + size <= this.#queueBytesMax) return true;
    this.#queuedBytes = this.#heldBytes + this.#link.queuedBytes;
    return this.#queuedBytes + this.#runBytes + size <= this.#queueBytesMax;
  }

  /** Takes what lies in the turn's slab from `start` to `end`. */
  add(start: number, end: number): void {
    const runs = this.#runs;
    const last = runs.length - 1;
    if (last < 0) this.#turn.markDirty(this);
    this.#runBytes += end - start;
    if (last > 0 && runs[last] === start) runs[last] = end;
    else runs.push(start, end);
  }

  /** Writes what this turn brought; behind a peer that is slow to read it waits. */
  flush(): void {
    if (this.#closed || this.#runs.length === 0) return;
    const chunk = this.#gather();
    this.#runs = [];
    this.#runBytes = 0;
    if (this.#blocked) this.#hold(chunk);
    else this.#write(chunk);
    this.#queuedBytes = this.#heldBytes + this.#link.queuedBytes;
  }

  /** The link's queue is empty again. */
  onDrain(): void {
    this.#blocked = false;
    this.#seal();
    while (!this.#blocked && !this.#closed) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#heldBytes -= chunk.length;
      this.#write(chunk);
    }
    this.#queuedBytes = this.#heldBytes + this.#link.queuedBytes;
  }

  /** Hands everything to the link, however slow its peer: the last that this outbox does. */
  finish(): void {
    this.flush();
    this.#seal();
    for (const chunk of this.#held) this.#write(chunk);
    this.drop();
  }

  /** Forgets everything that waits. */
  drop(): void {
    this.#closed = true;
    this.#runs = [];
    this.#runBytes = 0;
    this.#held = [];
    this.#heldBytes = 0;
    this.#block = undefined;
  }

  #write(chunk: Buffer): void {
    this.#counters.writes += 1;
    this.#counters.bytes_out += chunk.length;
    if (!this.#link.write(chunk)) this.#blocked = true;
  }

  #gather(): Buffer {
    const runs = this.#runs;
    const slab = this.#turn.slab;
    const size = this.#runBytes;
    if (runs.length === 2 && size >= shareBytesMin) {
      this.#turn.lend(this);
      return slab.subarray(runs[0], runs[1]);
    }
    const chunk = Buffer.allocUnsafe(size);
    let offset = 0;
    for (let i = 0; i < runs.length; i += 2) {
      offset += slab.copy(chunk, offset, runs[i], runs[i + 1]);
    }
    return chunk;
  }

  /** Waiting bytes are copied together, so that the queue takes the memory that it is counted with. */
  #hold(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (chunk.length >= heldBlockBytes / 2) {
      this.#seal();
      this.#held.push(chunk);
      return;
    }
    if (this.#block !== undefined && this.#blockUsed + chunk.length > this.#block.length) this.#seal();
    this.#block ??= Buffer.allocUnsafeSlow(heldBlockBytes);
    this.#block.set(chunk, this.#blockUsed);
    this.#blockUsed += chunk.length;
  }

  #seal(): void {
    if (this.#block === undefined) return;
    this.#held.push(this.#block.subarray(0, this.#blockUsed));
    this.#block = undefined;
    this.#blockUsed = 0;
  }
}
