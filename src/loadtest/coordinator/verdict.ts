import type { WorkerWatch } from "../link/messages.js";
import type { Distribution } from "../report/metrics.js";
import type { Verdict } from "../report/report.js";

/** Part of a core from which a worker has nothing to spare. */
const cpuMax = 0.9;
/** An event loop this late measures itself. */
const loopP99MsMax = 25;
/** Part of its seconds that a worker may be beyond these. */
const busyShareMax = 0.1;
/** A worker that used less than this was late for want of a core, not of time. */
const cpuLittle = 0.5;
/** A message is sent this much late at most, or by this part of what is measured. */
const lagMsMax = 5;
const lagShareMax = 0.2;

/** What the generator knows of itself. */
export interface GeneratorFacts {
  /** What each worker said of itself while messages were published. */
  readonly watches: ReadonlyMap<number, readonly WorkerWatch[]>;
  readonly sendLag: Distribution | undefined;
  readonly broadcast: Distribution | undefined;
}

/** Says whether the generator, and not the server, was the limit. */
export function judge({ watches, sendLag, broadcast }: GeneratorFacts): Verdict {
  const reasons: string[] = [];
  const cpu = shareBeyond(watches, (one) => one.cpu >= cpuMax);
  if (cpu > busyShareMax) reasons.push(`a worker used a whole core in ${percent(cpu)} of its seconds`);
  const loop = shareBeyond(watches, (one) => one.loopP99Ms >= loopP99MsMax);
  const isIdle = [...watches.values()].every((ticks) => ticks.every((one) => one.cpu < cpuLittle));
  const starved = isIdle ? " though it had little to do, so other programs took its core" : "";
  if (loop > busyShareMax) {
    reasons.push(
      `the event loop of a worker was ${loopP99MsMax} ms late or more in ${percent(loop)} of its seconds${starved}`,
    );
  }
  const lag = sendLag?.p99 ?? 0;
  if (lag > lagMsMax && lag > lagShareMax * (broadcast?.p99 ?? 0)) {
    reasons.push(`messages were sent ${lag.toFixed(1)} ms late at p99`);
  }
  if (reasons.length > 0) {
    return {
      limit: "generator",
      text: `The generator was the limit, not the server: ${reasons.join("; ")}. Use more workers, more cores or more machines.`,
    };
  }
  return { limit: "none", text: "The generator kept up: the figures are the server's." };
}

function shareBeyond(
  watches: ReadonlyMap<number, readonly WorkerWatch[]>,
  isBeyond: (watch: WorkerWatch) => boolean,
): number {
  const shares = [...watches.values()].map(
    (ticks) => ticks.filter(isBeyond).length / Math.max(1, ticks.length),
  );
  return Math.max(0, ...shares);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
