import type { Clock } from "../../contracts/clock.js";
import type { LogFields, Logger } from "../../contracts/logger.js";
import type { TokenRefusal, VerifiedToken } from "../../contracts/token.js";
import {
  compilePermissions,
  type Permissions,
  type PermissionTable,
  type Policy,
  policyTable,
} from "../../core/auth/permissions.js";
import type { ReplayGuard, ReplayVerdict } from "../../core/auth/replay-guard.js";
import { invalid, requireWhole } from "../configure.js";
import type { CompiledAuth } from "../connect-token.js";
import type { Counters } from "../counters.js";
import type { PermissionSource, TokenLifeOptions } from "./auth-options.js";
import type { Revocations } from "./revocations.js";
import type { TokenLives } from "./token-lives.js";

/** What all sockets of an endpoint share about tokens. */
export interface SharedAuth {
  readonly revocations: Revocations;
  readonly lives: TokenLives;
  readonly guard: ReplayGuard;
  /** Seconds after its issue from which a token is taken for expired. */
  readonly lifetimeMaxS: number;
}

/** What of a token a connection keeps. The claims are not among it: connections are many. */
export interface Credential {
  readonly subject: string | undefined;
  readonly tokenId: string | undefined;
  readonly issuedAtS: number | undefined;
  /** Undefined only for a guest without a token. */
  readonly expiresAtS: number | undefined;
  /** Undefined: there are no permissions to keep to. */
  readonly permissions: PermissionTable | undefined;
}

/** A credential, or why there is none; `cause` is what the application threw. */
export type Judgement =
  | { readonly ok: true; readonly credential: Credential }
  | { readonly ok: false; readonly reason: TokenRefusal; readonly cause?: unknown };

/** Milliseconds between two lines about permissions that make no sense: who has such a token must not fill the log. */
const NONSENSE_GAP_MS = 10_000;

/** Judges the tokens of one socket: what comes after the verifier has let them pass, and what becomes of them later. */
export class MountAuth {
  readonly path: string;
  readonly warningLeadMs: number;
  readonly lives: TokenLives;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly #auth: CompiledAuth;
  readonly #permissions: PermissionSource | undefined;
  readonly #shared: SharedAuth;
  #nonsenseToldMs = Number.NEGATIVE_INFINITY;

  constructor(
    path: string,
    auth: CompiledAuth & TokenLifeOptions,
    shared: SharedAuth,
    around: { readonly clock: Clock; readonly counters: Counters; readonly logger: Logger },
  ) {
    this.path = path;
    this.warningLeadMs = requireWhole(`auth.warningLeadMs of ${path}`, auth.warningLeadMs ?? 60_000, 0);
    const { permissions } = auth;
    if (permissions === "" || !["undefined", "string", "function"].includes(typeof permissions))
      throw invalid(`auth.permissions of ${path} must be the name of a claim, or a function`);
    this.#auth = auth;
    this.#permissions = permissions;
    this.#shared = shared;
    this.lives = shared.lives;
    this.clock = around.clock;
    this.counters = around.counters;
    this.logger = around.logger;
  }

  /** Judges a token that a client shows on its socket. Never rejects. */
  async judgeText(text: string, socketId: string | undefined): Promise<Judgement> {
    if (text.length > this.#auth.tokenBytesMax) return { ok: false, reason: "too_large" };
    try {
      const verified = await this.#auth.verifier.verify(text);
      if (!verified.ok) return verified;
      const judged = await this.judge(verified.token);
      if (judged.ok && this.revokes(judged.credential, socketId)) return { ok: false, reason: "revoked" };
      return judged;
    } catch (cause) {
      return { ok: false, reason: "unavailable", cause };
    }
  }

  /** Judges a token that the verifier has let pass, as far as that is possible without a socket. Never rejects. */
  async judge(token: VerifiedToken | undefined): Promise<Judgement> {
    const expiresAtS = token === undefined ? undefined : this.#expiry(token);
    if (expiresAtS !== undefined && expiresAtS * 1_000 <= this.clock.now())
      return { ok: false, reason: "expired" };
    const { subject, tokenId, issuedAtS } = token ?? {};
    const credential = { subject, tokenId, issuedAtS, expiresAtS, permissions: undefined };
    if (token !== undefined && this.revokes(credential, undefined)) return { ok: false, reason: "revoked" };
    if (this.#permissions === undefined) return { ok: true, credential };
    try {
      const permissions = await this.#permissionsOf(this.#permissions, token);
      if (permissions === undefined) return { ok: false, reason: "wrong_claim" };
      return { ok: true, credential: { ...credential, permissions } };
    } catch (cause) {
      return { ok: false, reason: "unavailable", cause };
    }
  }

  /** Whether the token of a socket is not to be let in any more. */
  revokes({ subject, tokenId, issuedAtS, expiresAtS }: Credential, socketId: string | undefined): boolean {
    // A guest has no token that could be called back.
    if (expiresAtS === undefined) return false;
    return this.#shared.revocations.revokes({ subject, tokenId, issuedAtS, socketId });
  }

  /** What to do with a token that was refused; undefined when it may be a good one another time. */
  refused(reason: TokenRefusal, hash: number, where: LogFields): ReplayVerdict | undefined {
    if (reason !== "expired" && reason !== "revoked") return undefined;
    const verdict = this.#shared.guard.refused(hash, this.clock.monotonic());
    if (!verdict.replayed) return verdict;
    this.counters.replayed_tokens_total++;
    const { refusals, delayMs, isNoteworthy } = verdict;
    const fields = { path: this.path, reason, ...where, refusals, delayMs };
    if (isNoteworthy) this.logger.info("dead token replayed", fields);
    return verdict;
  }

  /** A token that does not say when it was issued was issued now, for want of anything better. */
  #expiry({ issuedAtS, expiresAtS }: VerifiedToken): number {
    const oldestS = (issuedAtS ?? this.clock.now() / 1_000) + this.#shared.lifetimeMaxS;
    return Math.min(expiresAtS ?? Number.POSITIVE_INFINITY, oldestS);
  }

  async #permissionsOf(
    source: PermissionSource,
    token: VerifiedToken | undefined,
  ): Promise<PermissionTable | undefined> {
    // A token without the claim grants nothing; one with a claim that makes no sense is not let in.
    if (typeof source === "string") return this.#compile(token?.claims[source] ?? {});
    const made: Permissions | Policy = await source(token);
    return typeof made === "function" ? policyTable(made) : this.#compile(made);
  }

  #compile(permissions: unknown): PermissionTable | undefined {
    const compiled = compilePermissions(permissions);
    if (compiled.ok) return compiled.table;
    const nowMs = this.clock.monotonic();
    if (nowMs - this.#nonsenseToldMs >= NONSENSE_GAP_MS) {
      this.#nonsenseToldMs = nowMs;
      this.logger.warn("permissions make no sense", { path: this.path, fault: compiled.fault });
    }
    return undefined;
  }
}
