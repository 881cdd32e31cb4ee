import type { TopicPermissions } from "../../core/auth/permissions.js";
import { closeCodes } from "../../core/protocol/close-codes.js";
import { type Message, phx } from "../../core/protocol/message.js";
import type { Channel } from "../channel.js";
import { error, type Reply } from "../result.js";
import type { Credential, MountAuth } from "./mount-auth.js";
import { Refreshes, type RefreshOwner } from "./refreshes.js";
import type { Mortal } from "./token-lives.js";

/** The event by which a client renews its token, on any of its channels or on the topic `phoenix`. */
export const REFRESH_EVENT = "access_token";
/** The event on the topic `phoenix` that tells a client that its token will expire soon. */
export const EXPIRING_EVENT = "token_expiring";

/** Seconds that a connection outlives its token at most, while a new one is judged. */
const GRACE_S = 10;

/** Topics whose permissions are kept at hand. */
const TOPICS_KEPT = 200;

/** What the token of a connection needs of it. */
export interface AuthorizedSession {
  readonly id: string | undefined;
  readonly ended: boolean;
  readonly joined: Iterable<Channel>;
  close(code: number, reason: string): void;
  /** Sends an event on the topic `phoenix`. */
  tell(event: string, payload: object): void;
  /** Sends an answer, unless the connection has ended. */
  answerFor(message: Message, channel: Channel | undefined, reply: Reply): void;
}

const UNAUTHORIZED = error({ reason: "unauthorized" });

/** What a client may do by its token, and how long: from its connection on, through every token that it renews it by. */
export class SessionAuth implements Mortal, RefreshOwner {
  readonly #session: AuthorizedSession;
  readonly #mount: MountAuth;
  #credential: Credential;
  dueS: number | undefined = undefined;
  #warned = false;
  /** Absent until the client renews its token for the first time. */
  #refreshes: Refreshes | undefined = undefined;
  /** Permissions of topics that the client uses, found once. */
  #topics: Map<string, TopicPermissions> | undefined = undefined;

  constructor(session: AuthorizedSession, mount: MountAuth, credential: Credential) {
    this.#session = session;
    this.#mount = mount;
    this.#credential = credential;
    this.#wait();
  }

  get credential(): Credential {
    return this.#credential;
  }

  get socketId(): string | undefined {
    return this.#session.id;
  }

  get ended(): boolean {
    return this.#session.ended;
  }

  /** The connection has ended. */
  end(): void {
    this.#mount.lives.remove(this);
    this.#refreshes?.end();
  }

  /** Handles a message for a channel if it is a renewal, or one that the client may not send. */
  takes(message: Message, channel: Channel): boolean {
    const { event } = message;
    if (event === REFRESH_EVENT) {
      this.#refresh(message, channel);
      return true;
    }
    // What is no text has no handler either.
    if (this.#credential.permissions === undefined || typeof event !== "string") return false;
    if (this.#permissionsOf(channel.topic)?.mayPush(event) !== false) return false;
    this.#mount.counters.denied_total++;
    this.#session.answerFor(message, channel, UNAUTHORIZED);
    return true;
  }

  /** Handles a message of the connection itself if it is a renewal. */
  takesOwn(message: Message): boolean {
    if (message.topic !== phx.topic || message.event !== REFRESH_EVENT) return false;
    this.#refresh(message, undefined);
    return true;
  }

  /** Why the client may not join; undefined when it may. */
  joinRefusal(topic: string): Reply | undefined {
    if (this.#permissionsOf(topic)?.mayJoin !== false) return undefined;
    this.#mount.counters.denied_total++;
    return UNAUTHORIZED;
  }

  /** Whether the client may be tracked by presence. */
  mayTrack(topic: string): boolean {
    return this.#permissionsOf(topic)?.mayTrack !== false;
  }

  /** Undefined: there are none to keep to. */
  #permissionsOf(topic: string): TopicPermissions | undefined {
    const { permissions } = this.#credential;
    if (permissions === undefined) return undefined;
    this.#topics ??= new Map();
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    if (this.#topics.size >= TOPICS_KEPT) this.#topics.clear();
    const found = permissions.forTopic(topic);
    this.#topics.set(topic, found);
    return found;
  }

  #refresh(message: Message, channel: Channel | undefined): void {
    const answer = (reply: Reply): void => this.#session.answerFor(message, channel, reply);
    const text = tokenOf(message.payload);
    if (text === undefined) return answer(error({ reason: "token missing" }));
    this.#refreshes ??= new Refreshes(this.#mount, this);
    this.#refreshes.take(text, answer);
  }

  renew(credential: Credential): void {
    this.#credential = credential;
    this.#topics = undefined;
    this.#warned = false;
    this.#wait();
    if (credential.permissions === undefined) return;
    for (const channel of [...this.#session.joined]) {
      if (this.#permissionsOf(channel.topic)?.mayJoin === false) {
        this.#mount.counters.lost_permissions_total++;
        channel.end({ kind: "permission_lost" });
      } else for (const node of channel.presences.values()) node.reconsider(channel);
    }
  }

  /** Closes the connection when its token was called back. */
  checkRevoked(): void {
    if (!this.#mount.revokes(this.#credential, this.#session.id)) return;
    this.#mount.counters.revoked_closes_total++;
    this.#session.close(closeCodes.tokenRevoked, "token revoked");
  }

  /** Waits for what comes next: the warning, or the end. */
  #wait(): void {
    const { expiresAtS } = this.#credential;
    if (expiresAtS === undefined) return;
    const leadS = this.#warned ? 0 : this.#mount.warningLeadMs / 1_000;
    // A second is over when the next one begins; and a warning that is late comes at once.
    this.#mount.lives.set(this, Math.ceil(expiresAtS - leadS));
  }

  due(): void {
    const { expiresAtS } = this.#credential;
    if (expiresAtS === undefined || this.#session.ended) return;
    const leftMs = expiresAtS * 1_000 - this.#mount.clock.now();
    if (leftMs > 0) return this.#warn(expiresAtS, leftMs);
    if (this.#refreshes?.busy === true && leftMs > -GRACE_S * 1_000) {
      return this.#mount.lives.set(this, Math.floor(this.#mount.clock.now() / 1_000) + 1);
    }
    this.#mount.counters.expired_closes_total++;
    this.#session.close(closeCodes.tokenExpired, "token expired");
  }

  #warn(expiresAtS: number, leftMs: number): void {
    if (!this.#warned && this.#mount.warningLeadMs > 0) {
      this.#session.tell(EXPIRING_EVENT, { expires_at: expiresAtS, expires_in_ms: Math.ceil(leftMs) });
    }
    this.#warned = true;
    this.#wait();
  }
}

/** The token in a payload, as Supabase's clients send it. */
function tokenOf(payload: Message["payload"]): string | undefined {
  if (typeof payload !== "object" || payload === null || !Object.hasOwn(payload, REFRESH_EVENT))
    return undefined;
  // A list or bytes do not have it.
  const { access_token: text } = payload as { readonly access_token?: unknown };
  return typeof text === "string" && text !== "" ? text : undefined;
}
