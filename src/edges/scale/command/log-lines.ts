/** Characters of a line that are logged. */
const lineMax = 500;

/** Cuts what a program writes into lines for the log, and keeps to so many. */
export class LogLines {
  readonly #max: number;
  readonly #write: (line: string) => void;
  readonly #rests = new Map<object, string>();
  #written = 0;

  constructor(max: number, write: (line: string) => void) {
    this.#max = max;
    this.#write = write;
  }

  /** Takes what came from one of its streams. */
  add(stream: object, bytes: Buffer): void {
    if (this.#written > this.#max) return;
    const lines = `${this.#rests.get(stream) ?? ""}${bytes.toString("latin1")}`.split("\n");
    this.#rests.set(stream, (lines.pop() ?? "").slice(0, lineMax));
    for (const line of lines) this.#line(line);
  }

  /** The program has ended: what stands there without the end of a line is one, too. */
  finish(): void {
    for (const rest of this.#rests.values()) if (rest !== "") this.#line(rest);
    this.#rests.clear();
  }

  #line(line: string): void {
    this.#written += 1;
    if (this.#written > this.#max + 1) return;
    // What a terminal would obey has no place in a log.
    const text = line.replace(/[^\x20-\x7e]/g, " ").trimEnd();
    this.#write(
      this.#written > this.#max ? `more than ${this.#max} lines: no more are shown` : text.slice(0, lineMax),
    );
  }
}
