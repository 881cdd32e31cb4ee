import { SimurghError } from "../../runtime/errors.js";

/** Everything of a broker's engine that is bounded, and where. */
export interface BrokerLimits {
  /** Largest message, in bytes; a larger one throws `payload_too_large`. The broker's own limit may be lower. */
  readonly messageBytesMax: number;
  /** Bytes that the broker may owe us a sign for; further messages are dropped and counted until it catches up. */
  readonly queueBytesMax: number;
}

/** How long a broker's engine waits for what. */
export interface BrokerTiming {
  /** How long `start` tries to reach the broker. */
  readonly startTimeoutMs: number;
  /** How long one attempt may take. */
  readonly connectTimeoutMs: number;
  /** The n-th attempt comes half to all of base * 2^n after the one before, at most max. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** How often the broker is asked for a sign of life. */
  readonly pingPeriodMs: number;
  /** A broker that has given none for this long counts as lost. */
  readonly pingTimeoutMs: number;
  /** How long `subscribe` waits at most for the broker. */
  readonly interestTimeoutMs: number;
  /** How long `stop` waits at most for queued messages to leave. */
  readonly stopTimeoutMs: number;
  /** How often this node tells the others that it is there. */
  readonly announcePeriodMs: number;
  /** A node that has not been heard for this long counts as gone. */
  readonly announceTimeoutMs: number;
}

/** Settings that all brokers' engines share. */
export interface BrokerOptions {
  /** Keeps clusters on one broker apart. Letters, digits, `-`, `_`, in parts with dots between. Default: simurgh. */
  readonly prefix?: string;
  /** Whether the nodes tell each other that they are there; without, `nodes()` is empty. Default: true. */
  readonly announce?: boolean;
  readonly limits?: Partial<BrokerLimits>;
  readonly timing?: Partial<BrokerTiming>;
}

/** Defaults of {@link BrokerLimits}. */
export const brokerLimits: BrokerLimits = {
  messageBytesMax: 4 * 1_048_576,
  queueBytesMax: 16 * 1_048_576,
};

/** Defaults of {@link BrokerTiming}: a silent broker is noticed after 3 s, one that is back within 2 s. */
export const brokerTiming: BrokerTiming = {
  startTimeoutMs: 10_000,
  connectTimeoutMs: 5_000,
  backoffBaseMs: 100,
  backoffMaxMs: 2_000,
  pingPeriodMs: 1_000,
  pingTimeoutMs: 2_000,
  interestTimeoutMs: 3_000,
  stopTimeoutMs: 1_000,
  announcePeriodMs: 1_000,
  announceTimeoutMs: 3_500,
};

/** Makes the error of an option that cannot work. */
export function invalidOption(message: string): SimurghError {
  return new SimurghError("engine_config_invalid", message);
}

function requirePositive(group: string, values: object): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw invalidOption(`${group}.${name} must be a positive whole number, not ${String(value)}`);
    }
  }
}

function filled<T extends object>(defaults: T, values: Partial<T> | undefined): T {
  const given = Object.entries(values ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

/** Options with every default filled in. Throws `engine_config_invalid` for a value that cannot work. */
export function resolveBrokerOptions(options: BrokerOptions) {
  const prefix = options.prefix ?? "simurgh";
  if (!/^[\w-]+(\.[\w-]+)*$/.test(prefix) || prefix.length > 64) {
    throw invalidOption(
      "prefix must be at most 64 letters, digits, - and _, in parts with single dots between",
    );
  }
  const limits = filled(brokerLimits, options.limits);
  const timing = filled(brokerTiming, options.timing);
  requirePositive("limits", limits);
  requirePositive("timing", timing);
  if (limits.queueBytesMax < limits.messageBytesMax) {
    throw invalidOption("limits.queueBytesMax must not be smaller than limits.messageBytesMax");
  }
  if (timing.announceTimeoutMs < 2 * timing.announcePeriodMs) {
    throw invalidOption("timing.announceTimeoutMs must be at least twice timing.announcePeriodMs");
  }
  return { prefix, announce: options.announce ?? true, limits, timing };
}

/** What {@link resolveBrokerOptions} returns. */
export type BrokerSettings = ReturnType<typeof resolveBrokerOptions>;
