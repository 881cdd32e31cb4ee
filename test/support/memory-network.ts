import type { Address, Link, LinkHandler, Network } from "../../src/contracts/network.js";

/** One direction of a link. */
interface End {
  handler: LinkHandler | undefined;
  open: boolean;
}

/** A network in memory: every write arrives in a turn of its own, in order, until it is silenced. */
export class MemoryNetwork implements Network {
  readonly #listeners = new Map<number, (link: Link) => LinkHandler>();
  #ports = 1;
  #links = 0;
  /** Whether writes are lost on the way. */
  silent = false;
  /** Writes since the last look, in order, of both directions of all links. */
  readonly writes: Uint8Array[] = [];

  async listen(address: Address, onLink: (link: Link) => LinkHandler) {
    const port = address.port === 0 ? this.#ports++ : address.port;
    this.#listeners.set(port, onLink);
    const close = async () => void this.#listeners.delete(port);
    return { address: { host: address.host, port }, close };
  }

  async dial(address: Address, _timeoutMs: number, onLink: (link: Link) => LinkHandler): Promise<void> {
    const accept = this.#listeners.get(address.port);
    if (accept === undefined) throw new Error("refused");
    this.#links += 1;
    const near: End = { handler: undefined, open: true };
    const far: End = { handler: undefined, open: true };
    far.handler = accept(this.#link(far, near, `dialler:${this.#links}`));
    near.handler = onLink(this.#link(near, far, `${address.host}:${address.port}`));
  }

  #link(own: End, other: End, remote: string): Link {
    const closeBoth = () => {
      for (const end of [own, other]) {
        if (!end.open) continue;
        end.open = false;
        setImmediate(() => end.handler?.onClose("end"));
      }
    };
    return {
      remote,
      queuedBytes: 0,
      write: (bytes) => {
        if (!own.open) return true;
        // The bytes are the writer's again when this returns. The slice of a Buffer would be a view of it.
        const copy = new Uint8Array(bytes);
        this.writes.push(copy);
        if (!this.silent) setImmediate(() => other.open && other.handler?.onData(copy));
        return true;
      },
      end: () => setImmediate(closeBoth),
      destroy: closeBoth,
    };
  }
}
