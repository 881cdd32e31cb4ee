/** Chance, injected, so that the simulator can seed it. */
export interface Random {
  /** A number in [0, 1). Good enough for jitter; not a secret. */
  fraction(): number;
  /** `length` bytes. The system implementation MUST be fit for secrets. */
  bytes(length: number): Uint8Array;
}
