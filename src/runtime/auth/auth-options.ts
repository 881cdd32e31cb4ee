import type { VerifiedToken } from "../../contracts/token.js";
import type { Permissions, Policy } from "../../core/auth/permissions.js";
import { type ReplayLimits, replayDefaults } from "../../core/auth/replay-guard.js";
import { requireWhole } from "../configure.js";
import { SimurghError } from "../errors.js";
import type { MaybePromise } from "../result.js";
import type { RevocationSettings } from "./revocations.js";

/**
 * Where a socket's permissions come from: the name of the claim that has them as {@link Permissions}, or a function
 * that makes them of the token, or that makes a {@link Policy}. What none of them grants is denied.
 */
export type PermissionSource =
  | string
  | ((token: VerifiedToken | undefined) => MaybePromise<Permissions | Policy>);

/** How the tokens of a socket live on while it is connected. */
export interface TokenLifeOptions {
  /**
   * What a client may join, push and be tracked in. Asked when it connects and whenever it renews its token. Default:
   * everything, and the channels' `join` decides.
   */
  readonly permissions?: PermissionSource;
  /** Milliseconds before its token expires that a client gets the event `token_expiring`; 0: never. Default 60 000. */
  readonly warningLeadMs?: number;
}

/** What all sockets of an endpoint have in common about tokens. MUST be the same on all nodes. */
export interface EndpointAuthOptions {
  /**
   * Seconds after its issue from which a token is taken for expired, whatever it says itself: so long are revocations
   * remembered. Default 1 209 600 (two weeks).
   */
  readonly lifetimeMaxS?: number;
  /**
   * Revocations that are remembered. Beyond, the oldest are replaced by one of everything issued before them: those
   * clients must sign in again. Default 100 000.
   */
  readonly revocationsMax?: number;
  /** Milliseconds between two summaries for other nodes, which find out by them what they have missed. Default 5 000. */
  readonly syncIntervalMs?: number;
  /** How clients are slowed down that keep showing a token which is expired or revoked. */
  readonly replay?: Partial<ReplayLimits>;
}

/** Settings with every default filled in. */
export interface EndpointAuthSettings {
  readonly revocations: RevocationSettings;
  readonly replay: ReplayLimits;
}

/** Checks the settings of an endpoint. */
export function authSettings(options: EndpointAuthOptions): EndpointAuthSettings {
  const replay = { ...replayDefaults, ...options.replay };
  for (const [name, value] of Object.entries(replay)) requireWhole(`auth.replay.${name}`, value, 0);
  requireWhole("auth.replay.tokensMax", replay.tokensMax, 1);
  return {
    revocations: {
      lifetimeMaxS: requireWhole("auth.lifetimeMaxS", options.lifetimeMaxS ?? 1_209_600, 1),
      entriesMax: requireWhole("auth.revocationsMax", options.revocationsMax ?? 100_000, 1),
      syncIntervalMs: requireWhole("auth.syncIntervalMs", options.syncIntervalMs ?? 5_000, 1),
    },
    replay,
  };
}

/** What is not to be let in any more: one of the four. */
export type Revocation =
  /** The tokens of a user, by their subject, issued before `issuedBefore`; default: until now. */
  | {
      readonly user: string;
      readonly issuedBefore?: Date;
      readonly socketId?: never;
      readonly tokenId?: never;
    }
  /** The tokens that were shown for sockets of that id, issued before `issuedBefore`; default: until now. */
  | {
      readonly socketId: string;
      readonly issuedBefore?: Date;
      readonly user?: never;
      readonly tokenId?: never;
    }
  /** One token, by its id. */
  | {
      readonly tokenId: string;
      readonly issuedBefore?: never;
      readonly user?: never;
      readonly socketId?: never;
    }
  /** Everybody's tokens that were issued before. */
  | {
      readonly issuedBefore: Date;
      readonly user?: never;
      readonly socketId?: never;
      readonly tokenId?: never;
    };

/** The error of a revocation that cannot be meant. */
export function cannotRevoke(why: string): SimurghError {
  return new SimurghError("revocation_invalid", why);
}
