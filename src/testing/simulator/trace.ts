/** What a trace line may say besides its name. */
export type TraceField = string | number | boolean | undefined;

/**
 * Everything that happened, as one running hash: two runs of a seed did the same if their hashes are equal. The
 * lines themselves are made only when somebody reads them.
 */
export class Trace {
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;
  readonly #print: ((line: string) => void) | undefined;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Notes what happened. */
  note(atUs: number, what: string, ...fields: readonly TraceField[]): void {
    this.#number(atUs);
    this.#text(what);
    for (const field of fields) {
      if (typeof field === "number") this.#number(field);
      else this.#text(String(field));
    }
    this.#print?.(`${(atUs / 1_000).toFixed(3).padStart(10)} ${what} ${fields.join(" ")}`);
  }

  /** The hash so far, in 16 hexadecimal digits. */
  get hash(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  #number(value: number): void {
    this.#mix(value | 0);
    this.#mix(Math.floor(value / 2 ** 32) | 0);
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#mix(-1);
  }

  #mix(word: number): void {
    this.#high = Math.imul(this.#high ^ word, 0x01000193);
    this.#low = Math.imul(this.#low ^ word ^ (this.#high >>> 15), 0x85ebca6b);
  }
}

/** A small number that stands for bytes in a trace. */
export function checksum(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let i = 0; i < bytes.length; i++) sum = Math.imul(sum ^ (bytes[i] ?? 0), 0x01000193);
  return sum >>> 0;
}
