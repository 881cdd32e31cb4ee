/** A socket whose token may have been called back. */
export interface Revokable {
  /** Closes the socket when its token was. MUST NOT throw. */
  checkRevoked(): void;
}

/** Sockets that are looked at in one turn of the event loop: some ms, however many there are. */
const SOCKETS_PER_TURN = 2_000;

/** Looks at all sockets, some at a time; what is revoked meanwhile makes it begin anew in the end. */
export class RevocationSweep {
  readonly #sockets: () => Iterable<Revokable>;
  #left: Iterator<Revokable> | undefined = undefined;
  #again = false;

  constructor(sockets: () => Iterable<Revokable>) {
    this.#sockets = sockets;
  }

  /** Closes every socket whose token is revoked now. */
  begin(): void {
    if (this.#left !== undefined) {
      this.#again = true;
      return;
    }
    const left = this.#sockets()[Symbol.iterator]();
    this.#left = left;
    this.#goOn(left);
  }

  #goOn(left: Iterator<Revokable>): void {
    for (let looked = 0; looked < SOCKETS_PER_TURN; looked++) {
      const next = left.next();
      if (next.done === true) return this.#finish();
      next.value.checkRevoked();
    }
    setImmediate(() => this.#goOn(left));
  }

  #finish(): void {
    this.#left = undefined;
    if (!this.#again) return;
    this.#again = false;
    this.begin();
  }
}
