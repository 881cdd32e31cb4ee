import type { Cancel } from "../../contracts/clock.js";
import { textHash } from "../../core/auth/text-hash.js";
import { error, ok, type Reply } from "../result.js";
import { within } from "../within.js";
import type { Credential, Judgement, MountAuth } from "./mount-auth.js";

/** Tokens of one client that wait to be judged. Beyond: the client is told so. */
const TOKENS_MAX = 4;
/** Answers that wait for one token: a client may send it once for each of its channels. */
const ANSWERS_MAX = 1_000;
/** Milliseconds that a token is judged for; then it is `unavailable`. */
const JUDGE_TIMEOUT_MS = 10_000;

/** A token that a client has sent, with all who wait for what becomes of it. */
interface Refresh {
  readonly text: string;
  readonly answers: ((reply: Reply) => void)[];
}

/** What a client's renewals need of its connection. */
export interface RefreshOwner {
  readonly socketId: string | undefined;
  readonly credential: Credential;
  readonly ended: boolean;
  /** The client has another token from now on. */
  renew(credential: Credential): void;
}

/** The tokens that one client sends to renew its own: judged one after the other, in their order. */
export class Refreshes {
  readonly #mount: MountAuth;
  readonly #owner: RefreshOwner;
  readonly #waiting: Refresh[] = [];
  #cancelDelay: Cancel | undefined = undefined;

  constructor(mount: MountAuth, owner: RefreshOwner) {
    this.#mount = mount;
    this.#owner = owner;
  }

  /** Whether a token is being judged. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes a token; `answer` is called once, unless the connection ends before. */
  take(text: string, answer: (reply: Reply) => void): void {
    const last = this.#waiting.at(-1);
    if (last?.text === text && last.answers.length < ANSWERS_MAX) {
      last.answers.push(answer);
      return;
    }
    if (this.#waiting.length >= TOKENS_MAX) return answer(error({ reason: "too many tokens" }));
    this.#waiting.push({ text, answers: [answer] });
    if (this.#waiting.length === 1) this.#next();
  }

  /** The connection has ended: nobody waits for an answer. */
  end(): void {
    this.#cancelDelay?.();
    this.#waiting.length = 0;
  }

  #next(): void {
    const refresh = this.#waiting[0];
    if (refresh === undefined) return;
    const judged = this.#mount.judgeText(refresh.text, this.#owner.socketId);
    // judgeText never rejects.
    void within(this.#mount.clock, JUDGE_TIMEOUT_MS, judged).then((judgement) => {
      if (!this.#owner.ended) this.#conclude(refresh, judgement ?? { ok: false, reason: "unavailable" });
    });
  }

  #conclude(refresh: Refresh, judgement: Judgement): void {
    if (judgement.ok && isSame(judgement.credential, this.#owner.credential)) {
      this.#mount.counters.token_refreshes_total++;
      const { expiresAtS } = judgement.credential;
      // The answer first: the channel that it goes to may be one that the new token does not grant.
      this.#finish(refresh, ok({ expires_at: expiresAtS ?? null }));
      return this.#owner.renew(judgement.credential);
    }
    const reason = judgement.ok ? "other_subject" : judgement.reason;
    this.#mount.counters.refused_refreshes_total++;
    if (!judgement.ok && judgement.cause !== undefined)
      this.#mount.logger.error("token check crashed", { error: String(judgement.cause) });
    else this.#mount.logger.debug("renewal refused", { path: this.#mount.path, reason });
    this.#refuse(refresh, `token ${reason.replaceAll("_", " ")}`, judgement);
  }

  /** Who shows a dead token again and again waits, and what it sends meanwhile waits behind it. */
  #refuse(refresh: Refresh, reason: string, judgement: Judgement): void {
    const verdict = judgement.ok
      ? undefined
      : this.#mount.refused(judgement.reason, textHash(refresh.text), { renewal: true });
    if (verdict?.replayed !== true) return this.#finish(refresh, error({ reason }));
    const { delayMs } = verdict;
    const reply = error({ reason: "token replayed", cause: reason, retry_after_ms: delayMs });
    this.#cancelDelay = this.#mount.clock.after(delayMs, () => this.#finish(refresh, reply));
  }

  #finish(refresh: Refresh, reply: Reply): void {
    this.#waiting.shift();
    for (const answer of refresh.answers) answer(reply);
    this.#next();
  }
}

/** A token speaks for the same one only if both say for whom. */
function isSame(renewed: Credential, old: Credential): boolean {
  return renewed.subject !== undefined && renewed.subject === old.subject;
}
