/** What each published message carries: who sent it, its number, and when it was due and sent. */
export interface Stamp {
  /** The worker that sent it and the topic: together they name a stream of numbered messages. */
  readonly worker: number;
  readonly topic: number;
  /** Its number in the stream, from 0. */
  readonly seq: number;
  /** How many numbers back the same client's last message in the stream is; 0 when it has none. */
  readonly back: number;
  /** When it should have been sent: microseconds since the run's zero. */
  readonly dueUs: number;
  /** How much later it was. */
  readonly lagUs: number;
}

const TILDE = 126;
const COLON = 58;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const fieldCount = 6;

/**
 * Writes and finds stamps. A stamp is text of which JSON changes nothing, so it can be found in the bytes of a frame
 * without decoding it, whatever a server wraps around the payload.
 */
export class Stamps {
  readonly #head: string;
  readonly #headBytes: Buffer;
  readonly #fields = new Float64Array(fieldCount);

  /** `run` keeps the messages of another run apart: letters and digits. */
  constructor(run: string) {
    this.#head = `~sl${run}:`;
    this.#headBytes = Buffer.from(this.#head, "latin1");
  }

  /** The text of a stamp. */
  write({ worker, topic, seq, back, dueUs, lagUs }: Stamp): string {
    return `${this.#head}${worker}:${topic}:${seq}:${back}:${Math.round(dueUs)}:${Math.round(lagUs)}~`;
  }

  /** Finds a stamp in bytes. */
  read(bytes: Buffer): Stamp | undefined {
    const at = bytes.indexOf(this.#headBytes);
    if (at < 0) return undefined;
    let [field, value] = [0, 0];
    for (let i = at + this.#headBytes.length; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (byte >= DIGIT_0 && byte <= DIGIT_9) {
        value = value * 10 + byte - DIGIT_0;
        continue;
      }
      if ((byte !== COLON && byte !== TILDE) || field >= fieldCount) return undefined;
      this.#fields[field] = value;
      [field, value] = [field + 1, 0];
      if (byte === TILDE) return field === fieldCount ? this.#stamp() : undefined;
    }
    return undefined;
  }

  #stamp(): Stamp {
    const at = this.#fields;
    return {
      worker: at[0] ?? 0,
      topic: at[1] ?? 0,
      seq: at[2] ?? 0,
      back: at[3] ?? 0,
      dueUs: at[4] ?? 0,
      lagUs: at[5] ?? 0,
    };
  }
}
