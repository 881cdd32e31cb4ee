import type { Clock } from "../../../contracts/clock.js";
import type { Logger } from "../../../contracts/logger.js";
import type { PubSubEvent, PubSubHost } from "../../../contracts/pubsub-adapter.js";
import type { Random } from "../../../contracts/random.js";
import type { Counters } from "./counters.js";
import type { Hello } from "./hello.js";
import { incarnationBytes, nonceBytes } from "./hello.js";
import { InterestSync } from "./interest-sync.js";
import type { LocalTopics } from "./local-topics.js";
import type { MeshSettings } from "./options.js";
import { Turn } from "./outbox.js";
import type { PeerLink } from "./peer-link.js";
import { RemoteInterest } from "./remote-interest.js";
import { ThrottledLog } from "./throttled-log.js";
import { wireVersions } from "./wire.js";

/** What the parts of one running mesh node share. */
export interface MeshContext {
  readonly settings: MeshSettings;
  readonly nodeName: string;
  /** Tells this life of the node from every other. Compared for equality only, so clocks need not be right. */
  readonly incarnation: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly log: ThrottledLog;
  readonly counters: Counters;
  readonly turn: Turn;
  readonly interest: InterestSync<PeerLink>;
  readonly remote: RemoteInterest<PeerLink>;
  deliver(topic: string, data: Uint8Array): void;
  changed(event: PubSubEvent): void;
  /** A hello with a fresh nonce. */
  hello(): Hello;
}

function createIncarnation(clock: Clock, random: Random): Buffer {
  const incarnation = Buffer.from(random.bytes(incarnationBytes));
  // The time is there for people who compare two lives in a log.
  incarnation.writeUIntBE(Math.max(0, Math.floor(clock.now())) % 2 ** 48, 0, 6);
  return incarnation;
}

/** Puts the parts together for one life of a node. */
export function createContext(
  settings: MeshSettings,
  host: PubSubHost,
  counters: Counters,
  topics: LocalTopics,
): MeshContext {
  const { clock, random, logger, nodeName } = host;
  const { limits, timing } = settings;
  const incarnation = createIncarnation(clock, random);
  const turn = new Turn(settings.defer);
  return {
    settings,
    nodeName,
    incarnation,
    clock,
    random,
    logger,
    log: new ThrottledLog(clock, logger, timing.logRepeatMs, counters),
    counters,
    turn,
    interest: new InterestSync(
      topics,
      clock,
      (announce) => turn.atEnd(announce),
      timing.interestTimeoutMs,
      counters,
    ),
    remote: new RemoteInterest(limits.interestTopicsMax),
    deliver: (topic, data) => {
      try {
        host.deliver(topic, data);
      } catch (error) {
        // A fault above must not take the link down, on which other topics travel.
        counters.deliver_errors += 1;
        logger.error("mesh delivery failed", { topic, error: String(error) });
      }
    },
    changed: (event) => {
      try {
        host.changed(event);
      } catch (error) {
        logger.error("mesh event failed", { event: event.type, error: String(error) });
      }
    },
    hello: () => ({
      versionMin: wireVersions.min,
      versionMax: wireVersions.max,
      nonce: Buffer.from(random.bytes(nonceBytes)),
      incarnation,
      frameBytesMax: limits.frameBytesMax,
      name: nodeName,
    }),
  };
}
