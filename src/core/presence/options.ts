/** Times and sizes of a tracker. `docs/presence.md` describes each. */
export interface TrackerOptions {
  /** Tick of the heartbeat. */
  readonly broadcastPeriodMs: number;
  /** Ticks without a local change before an empty heartbeat is sent. */
  readonly maxSilentPeriods: number;
  /** Silence after which a replica is down. */
  readonly downPeriodMs: number;
  /** Silence after which a replica is forgotten. */
  readonly permdownPeriodMs: number;
  /** Silence after which a replica is down when the engine reported its node as lost. */
  readonly lostPeriodMs: number;
  /** Ticks between looks at the collected clocks for something missing. */
  readonly clockSamplePeriods: number;
  /** Says goodbye on an orderly stop, so that peers drop the entries at once. */
  readonly permdownOnShutdown: boolean;
  /** Local changes within this time leave in one message. */
  readonly flushMs: number;
  /** How long a gap may last before a transfer is asked for without waiting for the ticks. */
  readonly repairMs: number;
  /** How long an asked replica may take to answer before it is asked again. */
  readonly transferTimeoutMs: number;
  /** Size at which deltas and transfers are cut into several messages. */
  readonly messageBytesMax: number;
  /** Removals remembered for each replica. */
  readonly deltaLogMax: number;
  /** Gaps remembered for each replica. */
  readonly cloudRunsMax: number;
  /** Other replicas known at one time. */
  readonly replicasMax: number;
  /** Size of one meta as JSON text. */
  readonly metaBytesMax: number;
  /** Size of a key. */
  readonly keyBytesMax: number;
  /** Presences of one owner. */
  readonly presencesPerOwnerMax: number;
}

/** What each option is unless given; `downPeriodMs` follows from the first two. */
export const trackerDefaults = {
  broadcastPeriodMs: 1_500,
  maxSilentPeriods: 10,
  permdownPeriodMs: 1_200_000,
  lostPeriodMs: 5_000,
  clockSamplePeriods: 2,
  permdownOnShutdown: false,
  flushMs: 25,
  repairMs: 250,
  transferTimeoutMs: 3_000,
  messageBytesMax: 262_144,
  deltaLogMax: 10_000,
  cloudRunsMax: 16_384,
  replicasMax: 1_024,
  metaBytesMax: 4_096,
  keyBytesMax: 512,
  presencesPerOwnerMax: 100,
} as const satisfies Omit<TrackerOptions, "downPeriodMs">;

/** Options that can work, or what is wrong with them. */
export type ResolvedOptions =
  | { readonly ok: true; readonly options: TrackerOptions }
  | { readonly ok: false; readonly reason: string };

/** Fills in defaults and checks how the options fit together. */
export function resolveTrackerOptions(given: Partial<TrackerOptions> = {}): ResolvedOptions {
  const basis = { ...trackerDefaults, ...given };
  const downPeriodMs = given.downPeriodMs ?? basis.broadcastPeriodMs * basis.maxSilentPeriods * 2;
  const options: TrackerOptions = { ...basis, downPeriodMs };
  const reason = faultIn(options);
  return reason === undefined ? { ok: true, options } : { ok: false, reason };
}

function faultIn(options: TrackerOptions): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (name === "permdownOnShutdown") {
      if (typeof value !== "boolean") return `${name} must be true or false`;
    } else if (!Number.isSafeInteger(value) || value < leastOf(name)) {
      return `${name} must be a whole number of at least ${leastOf(name)}`;
    }
  }
  if (options.downPeriodMs < 2 * options.broadcastPeriodMs) {
    return "downPeriodMs must be at least twice as large as broadcastPeriodMs";
  }
  if (options.permdownPeriodMs <= options.downPeriodMs) {
    return "permdownPeriodMs must be larger than downPeriodMs";
  }
  if (options.messageBytesMax < 2 * (options.metaBytesMax + options.keyBytesMax)) {
    return "messageBytesMax must be at least twice as large as metaBytesMax and keyBytesMax together";
  }
  return undefined;
}

function leastOf(name: string): number {
  return name === "flushMs" || name === "repairMs" || name === "lostPeriodMs" ? 0 : 1;
}
