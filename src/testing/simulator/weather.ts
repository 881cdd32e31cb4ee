/** Microseconds until a connection that was cut off tries again once it can. */
export const retransmitUsMax = 300_000;

/** The way from one host to another; the way back is another one. */
export class Path {
  latencyUs = 500;
  jitterUs = 200;
  /** Faults that cut the path now. */
  #cuts = 0;
  /** Faults that slow the path down now. */
  #brakes = 0;
  #slowBytesPerMs = 1;
  /** Faults that have dials refused now. */
  refusals = 0;
  #waiting: (() => void)[] = [];

  get cut(): boolean {
    return this.#cuts > 0;
  }

  /** How much it carries; undefined: whatever there is. */
  get bytesPerMs(): number | undefined {
    return this.#brakes > 0 ? this.#slowBytesPerMs : undefined;
  }

  /** Nothing passes until the returned function is called. */
  sever(): () => void {
    this.#cuts += 1;
    return () => {
      this.#cuts -= 1;
      if (this.#cuts > 0) return;
      for (const waiting of this.#waiting.splice(0)) waiting();
    };
  }

  /** Little passes until the returned function is called. */
  slow(bytesPerMs: number): () => void {
    this.#brakes += 1;
    this.#slowBytesPerMs = bytesPerMs;
    return () => {
      this.#brakes -= 1;
    };
  }

  /** Calls back once when the path is whole again. */
  whenWhole(callback: () => void): void {
    this.#waiting.push(callback);
  }
}

/** The state of every path between hosts. */
export class Weather {
  readonly #paths = new Map<string, Path>();

  path(from: string, to: string): Path {
    const key = `${from} ${to}`;
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const path = new Path();
    this.#paths.set(key, path);
    return path;
  }
}
