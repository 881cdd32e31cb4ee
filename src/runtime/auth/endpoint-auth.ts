import type { Cancel, Clock } from "../../contracts/clock.js";
import type { Logger } from "../../contracts/logger.js";
import type { Random } from "../../contracts/random.js";
import { ReplayGuard } from "../../core/auth/replay-guard.js";
import { revocationKey } from "../../core/auth/revocation-table.js";
import type { PubSub } from "../pubsub.js";
import { authSettings, cannotRevoke, type EndpointAuthOptions, type Revocation } from "./auth-options.js";
import type { SharedAuth } from "./mount-auth.js";
import { RefusalDelays } from "./refusal-delays.js";
import { RevocationSweep, type Revokable } from "./revocation-sweep.js";
import { REVOKED_NAME_LENGTH_MAX } from "./revocation-wire.js";
import { Revocations } from "./revocations.js";
import { TokenLives } from "./token-lives.js";

/** What the tokens of an endpoint need around them. */
export interface EndpointAuthContext {
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** All sockets that live by a token. */
  sockets(): Iterable<Revokable>;
}

/** What all sockets of an endpoint share about tokens: who is revoked, whose time is over, who keeps asking. */
export class EndpointAuth implements SharedAuth {
  readonly revocations: Revocations;
  readonly lives: TokenLives;
  readonly guard: ReplayGuard;
  readonly delays: RefusalDelays;
  readonly lifetimeMaxS: number;
  readonly #clock: Clock;
  #cancel: Cancel | undefined = undefined;

  constructor(options: EndpointAuthOptions, context: EndpointAuthContext) {
    const { revocations, replay } = authSettings(options);
    const { pubsub, clock, random, logger } = context;
    this.#clock = clock;
    this.lifetimeMaxS = revocations.lifetimeMaxS;
    const sweep = new RevocationSweep(() => context.sockets());
    this.revocations = new Revocations(revocations, {
      pubsub,
      clock,
      random,
      logger,
      sweep: () => sweep.begin(),
    });
    this.lives = new TokenLives(clock);
    this.guard = new ReplayGuard(replay);
    this.delays = new RefusalDelays(clock);
  }

  /** Resolves when this node hears of what others revoke. */
  async start(): Promise<void> {
    this.#cancel = this.lives.start();
    await this.revocations.start();
  }

  stop(): void {
    this.#cancel?.();
    this.revocations.stop();
    this.delays.stop();
  }

  /** Revokes, here and on all nodes. Throws `revocation_invalid` for what cannot be meant. */
  revoke(revocation: Revocation): void {
    const { user, socketId, tokenId, issuedBefore } = revocation;
    const keys = [
      ...(user === undefined ? [] : [revocationKey("user", checkName(user))]),
      ...(socketId === undefined ? [] : [revocationKey("socket", checkName(socketId))]),
      ...(tokenId === undefined ? [] : [revocationKey("token", checkName(tokenId))]),
    ];
    const [key, another] = keys;
    if (another !== undefined) throw cannotRevoke("name a user, a socket or a token, not several");
    if (key === undefined && issuedBefore === undefined) throw cannotRevoke("name what to revoke");
    this.revocations.revoke(key, this.#timeOf(issuedBefore));
  }

  /** Whole seconds, as most tokens have them: what was issued in this very second is revoked, too. */
  #timeOf(issuedBefore: Date | undefined): number {
    const nowMs = this.#clock.now();
    if (issuedBefore === undefined) return Math.floor(nowMs / 1_000) + 1;
    const timeMs = issuedBefore instanceof Date ? issuedBefore.getTime() : Number.NaN;
    if (!(timeMs >= 0 && timeMs <= nowMs)) throw cannotRevoke("issuedBefore must be a time that has come");
    return Math.ceil(timeMs / 1_000);
  }
}

function checkName(name: string): string {
  if (typeof name === "string" && name !== "" && name.length <= REVOKED_NAME_LENGTH_MAX) return name;
  throw cannotRevoke(`a name must be a text of 1 to ${REVOKED_NAME_LENGTH_MAX} characters`);
}
