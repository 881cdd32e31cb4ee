/** An address that a node can be dialled at. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a {@link Link} tells its owner. Calls come one at a time, `onClose` exactly once and last. */
export interface LinkHandler {
  /** The bytes belong to the receiver; they arrive in the order written, in pieces of any size. */
  onData(bytes: Uint8Array): void;
  /** The queue that made `write` return false is empty again. */
  onDrain(): void;
  /** The link is gone. `reason` is for the log: "end", "reset", "refused", "timeout" … */
  onClose(reason: string): void;
}

/**
 * One byte stream between two nodes: TCP, TLS, or the simulator's.
 *
 * MUST keep order, MUST NOT deliver a byte twice or out of the middle; bytes in flight MAY be lost only together
 * with the link. `write` after the end is ignored.
 */
export interface Link {
  /** Who is at the other end, for the log. */
  readonly remote: string;
  /** Bytes accepted and not yet handed to the system. MUST count every byte that the link still refers to. */
  readonly queuedBytes: number;
  /**
   * Borrows the bytes: nobody may change them until `queuedBytes` is 0, when they are the writer's again.
   * False: above the high-water mark, `onDrain` will follow.
   */
  write(bytes: Uint8Array): boolean;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes now and drops what is queued. */
  destroy(): void;
}

/** A bound listening address. */
export interface Listener {
  readonly address: Address;
  close(): Promise<void>;
}

/** How nodes reach each other. */
export interface Network {
  /** Rejects when the address cannot be bound. `onLink` returns the handler for each arriving link. */
  listen(address: Address, onLink: (link: Link) => LinkHandler): Promise<Listener>;
  /** Rejects when nobody answers there within `timeoutMs`. */
  dial(address: Address, timeoutMs: number, onLink: (link: Link) => LinkHandler): Promise<void>;
}
