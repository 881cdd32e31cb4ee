import type { Link, LinkHandler } from "../../contracts/network.js";
import type { Prng } from "../../core/shared/prng.js";
import type { Process } from "./process.js";
import { checksum } from "./trace.js";
import type { Path } from "./weather.js";
import { retransmitUsMax } from "./weather.js";
import type { World } from "./world.js";

/** What is the same for both ends of a connection. */
export interface Wire {
  readonly id: number;
  readonly world: World;
  readonly chance: Prng;
  /** Bytes that the system takes off a writer's hands and that have not arrived. */
  readonly systemBytesMax: number;
  /** From so many bytes in its hands on a writer is asked to wait. */
  readonly highWaterBytes: number;
  /** Nothing arrives any more, and nobody is told. */
  dead: boolean;
  onClosed(end: LinkEnd): void;
}

interface Chunk {
  /** Borrowed from the writer until all of it has been taken. */
  readonly bytes: Uint8Array;
  readonly copy: Uint8Array;
  taken: number;
}

const nothing = () => {};

/** How much of a slow path one piece takes at most. */
const slowPieceMs = 50;

/** One end of a simulated connection, with the bytes on their way to the other. */
export class LinkEnd implements Link {
  readonly remote: string;
  readonly process: Process;
  handler: LinkHandler | undefined;
  peer: LinkEnd | undefined;
  queuedBytes = 0;
  readonly #wire: Wire;
  readonly #way: Path;
  readonly #wayBack: Path;
  readonly #chunks: Chunk[] = [];
  #systemBytes = 0;
  #asksToDrain = false;
  #ending = false;
  #finSent = false;
  #closed = false;
  /** What is still under way was taken back. */
  #aborted = false;
  #arrivesAtUs = 0;
  /** Taken by the system, and still to be carried; undefined stands for the end. */
  readonly #departing: (Uint8Array | undefined)[] = [];
  #carrying = false;
  readonly #held: (() => void)[] = [];
  #stalled = false;

  constructor(wire: Wire, process: Process, remote: string, way: Path, wayBack: Path) {
    this.#wire = wire;
    this.process = process;
    this.remote = remote;
    this.#way = way;
    this.#wayBack = wayBack;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get id(): number {
    return this.#wire.id;
  }

  /** Nothing that is sent from here arrives before this moment. */
  arriveNotBefore(atUs: number): void {
    this.#arrivesAtUs = Math.max(this.#arrivesAtUs, atUs);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#ending || !this.process.alive || bytes.length === 0) return true;
    this.#chunks.push({ bytes, copy: new Uint8Array(bytes), taken: 0 });
    this.queuedBytes += bytes.length;
    this.#take();
    if (this.queuedBytes <= this.#wire.highWaterBytes) return true;
    this.#asksToDrain = true;
    return false;
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#take();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#leave(this.#wire.chance.chance(0.5));
    this.process.handleNext(() => this.handler?.onClose("destroyed"));
  }

  /** The process is gone; its system closes the connection. */
  abandon(): void {
    if (!this.#closed) this.#leave(this.#wire.chance.chance(0.5));
  }

  /** The connection breaks at this end. */
  reset(): void {
    this.process.handle(() => this.#onGone("reset"));
  }

  /** The other end has said its last. */
  hangUp(): void {
    this.#onGone("end");
  }

  #leave(politely: boolean): void {
    this.#retire();
    if (politely) return this.#sendFin();
    this.#aborted = true;
    const { world, chance } = this.#wire;
    const arrive = () => {
      if (this.#wire.dead) return;
      if (!this.#way.cut) return this.peer?.reset();
      // Nobody repeats a reset; who misses it learns of it when it speaks next, or never.
      if (chance.chance(0.5)) this.#way.whenWhole(() => void world.after(retransmitUsMax, arrive));
    };
    world.after(this.#way.latencyUs, arrive);
  }

  #retire(): void {
    this.#closed = true;
    this.#chunks.length = 0;
    this.queuedBytes = 0;
    this.#wire.onClosed(this);
  }

  #onGone(reason: string): void {
    if (this.#closed) return;
    this.#retire();
    if (reason === "end") this.#sendFin();
    else this.#aborted = true;
    this.handler?.onClose(reason);
  }

  /** The system takes what it has room for. */
  #take(): void {
    for (;;) {
      const chunk = this.#chunks[0];
      const room = this.#wire.systemBytesMax - this.#systemBytes;
      // A little room is not worth the while: streams of single bytes would come of it.
      if (chunk === undefined || room < this.#wire.systemBytesMax / 4) break;
      const { bytes, copy, taken } = chunk;
      const size = Math.min(copy.length - taken, room, this.#pieceBytes());
      chunk.taken += size;
      this.queuedBytes -= size;
      if (chunk.taken === copy.length) this.#chunks.shift();
      this.#systemBytes += size;
      // The slice of a Buffer would be a view of it.
      const piece = new Uint8Array(bytes.subarray(taken, taken + size));
      if (checksum(piece) !== checksum(copy.subarray(taken, taken + size))) {
        return this.#wire.world.fail(`link ${this.id}: borrowed bytes were changed before they had left`);
      }
      this.#depart(piece);
    }
    if (this.#chunks.length > 0) return;
    if (this.#ending) return this.#sendFin();
    if (!this.#asksToDrain) return;
    this.#asksToDrain = false;
    this.process.handleNext(() => {
      if (!this.#closed) this.handler?.onDrain();
    });
  }

  /** Streams have no frames: pieces end anywhere, often in the middle of what matters. */
  #pieceBytes(): number {
    const { chance } = this.#wire;
    if (chance.chance(0.1)) return chance.between(1, 12);
    return chance.chance(0.3) ? chance.between(1, 1_460) : 65_536;
  }

  #arrive(piece: Uint8Array): void {
    const { world } = this.#wire;
    const peer = this.peer;
    if (this.#aborted || this.#wire.dead || peer === undefined) return;
    if (!peer.#closed) {
      world.note("data", this.id, peer.process.name, piece.length, checksum(piece));
      peer.handler?.onData(piece);
    }
    const acknowledge = () => {
      this.#systemBytes -= piece.length;
      this.#take();
    };
    if (this.#wayBack.cut) this.#wayBack.whenWhole(acknowledge);
    else acknowledge();
  }

  #sendFin(): void {
    if (this.#finSent) return;
    this.#finSent = true;
    this.#depart(undefined);
  }

  /** Puts a piece, or the end, on its way: at once, or behind what a slow path still carries. */
  #depart(piece: Uint8Array | undefined): void {
    this.#departing.push(piece);
    if (!this.#carrying) this.#carryNext();
  }

  #carryNext(): void {
    while (this.#departing.length > 0) {
      const piece = this.#departing.shift();
      const { bytesPerMs } = this.#way;
      if (piece === undefined || bytesPerMs === undefined) {
        this.#send(piece);
        continue;
      }
      // In small pieces, so that a path which is fast again soon shows it.
      const size = Math.min(piece.length, bytesPerMs * slowPieceMs);
      if (size < piece.length) this.#departing.unshift(piece.slice(size));
      this.#carrying = true;
      this.#wire.world.after((size * 1_000) / bytesPerMs, () => {
        this.#carrying = false;
        this.#send(piece.slice(0, size));
        this.#carryNext();
      });
      return;
    }
  }

  #send(piece: Uint8Array | undefined): void {
    const { world, chance } = this.#wire;
    const { latencyUs, jitterUs } = this.#way;
    this.#arrivesAtUs = Math.max(
      this.#arrivesAtUs,
      Math.ceil(world.nowUs) + latencyUs + chance.between(0, jitterUs),
    );
    const arrive = () =>
      this.peer?.process.handle(() => {
        if (piece !== undefined) this.#arrive(piece);
        else if (!this.#aborted && !this.#wire.dead) this.peer?.hangUp();
      });
    world.at(this.#arrivesAtUs, () => {
      if (this.#aborted || this.#wire.dead) return;
      if (!this.#stalled && !this.#way.cut) return arrive();
      this.#held.push(arrive);
      this.#stall();
    });
  }

  #stall(): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#waitForWay();
  }

  #waitForWay(): void {
    const { world, chance } = this.#wire;
    const resume = () => (this.#way.cut ? this.#waitForWay() : this.#release());
    this.#way.whenWhole(() => void world.after(chance.between(1_000, retransmitUsMax), resume));
  }

  /** What was held up arrives in order; what comes meanwhile waits behind it. */
  #release(): void {
    if (this.#aborted || this.#wire.dead) return;
    if (this.#way.cut) return this.#waitForWay();
    (this.#held.shift() ?? nothing)();
    if (this.#held.length > 0) this.#wire.world.after(0, () => this.#release());
    else this.#stalled = false;
  }
}
