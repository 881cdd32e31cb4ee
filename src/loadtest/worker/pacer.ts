import type { Prng } from "../../core/shared/prng.js";

/** A timer fires up to this much late, so the last stretch to a due time is waited for turn by turn. */
const spinUs = 1_500;
/** Messages a second up to which that is affordable. */
const spinRateMax = 250;
/** Messages that are sent in one turn when many are due, so that the socket's events are not starved. */
const burstMax = 256;

/** Messages that are sent at once at the end, when the generator is behind; the rest counts as not sent. */
const lastBurstMax = 10_000;

/** How often and when something is due. */
export interface Pace {
  /** Times a second over all workers. */
  readonly rate: number;
  readonly arrivals: "even" | "poisson";
  readonly worker: number;
  readonly workers: number;
}

/** The times at which this worker's part of a load is due, fixed beforehand: microseconds from the start. */
export function* dueTimes({ rate, arrivals, worker, workers }: Pace, random: Prng): Generator<number> {
  const gapUs = 1_000_000 / rate;
  if (arrivals === "even") {
    for (let n = worker; ; n += workers) yield n * gapUs;
  }
  // A Poisson process that is dealt out to workers at random is one of a smaller rate for each.
  let atUs = 0;
  for (;;) {
    atUs += -Math.log(1 - random.fraction()) * gapUs * workers;
    yield atUs;
  }
}

/**
 * Calls `onDue` at each of these times, never earlier, and never skips one: what is late is called late, with the time
 * at which it was due.
 */
export class Pacer {
  readonly #times: Iterator<number>;
  readonly #nowUs: () => number;
  readonly #onDue: (dueUs: number) => void;
  readonly #fromUs: number;
  readonly #toUs: number;
  readonly #spins: boolean;
  #next: number;
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #over = false;

  constructor(
    pace: Pace,
    random: Prng,
    span: { readonly fromUs: number; readonly toUs: number },
    nowUs: () => number,
    onDue: (dueUs: number) => void,
  ) {
    this.#times = dueTimes(pace, random);
    this.#nowUs = nowUs;
    this.#onDue = onDue;
    this.#fromUs = span.fromUs;
    this.#toUs = span.toUs;
    this.#spins = pace.rate / pace.workers <= spinRateMax;
    this.#next = this.#take();
    this.#wait();
  }

  /** Calls for what is due already, then no more. Gives the number of those that were too many for that. */
  stop(): number {
    if (this.#over) return 0;
    this.#over = true;
    if (this.#timer !== undefined && "refresh" in this.#timer) clearTimeout(this.#timer);
    const untilUs = Math.min(this.#nowUs(), this.#toUs);
    let [sent, left] = [0, 0];
    for (; this.#next < untilUs; this.#next = this.#take()) {
      if (sent < lastBurstMax) this.#onDue(this.#next);
      if (sent < lastBurstMax) sent += 1;
      else left += 1;
    }
    return left;
  }

  #take(): number {
    return this.#fromUs + Number(this.#times.next().value);
  }

  #wait(): void {
    if (this.#over || this.#next >= this.#toUs) return;
    const waitUs = this.#next - this.#nowUs();
    const turn = () => this.#turn();
    if (waitUs <= 0 || (this.#spins && waitUs <= spinUs)) this.#timer = setImmediate(turn);
    else this.#timer = setTimeout(turn, Math.max(1, (waitUs - (this.#spins ? spinUs : 0)) / 1_000));
  }

  #turn(): void {
    if (this.#over) return;
    const nowUs = this.#nowUs();
    for (let n = 0; n < burstMax && this.#next <= nowUs && this.#next < this.#toUs; n++) {
      this.#onDue(this.#next);
      this.#next = this.#take();
    }
    this.#wait();
  }
}
