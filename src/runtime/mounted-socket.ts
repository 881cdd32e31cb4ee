import type { Sink } from "../contracts/transport.js";
import { closeCodes } from "../core/protocol/close-codes.js";
import { compileRoutes } from "../core/socket/routes.js";
import { MountAuth, type SharedAuth } from "./auth/mount-auth.js";
import type { RefusalDelays } from "./auth/refusal-delays.js";
import {
  compileOrigin,
  compilePath,
  invalid,
  type PathMatcher,
  requireLimit,
  requireWhole,
} from "./configure.js";
import { type ConnectDecision, type ConnectPolicy, decideConnect } from "./connect.js";
import type { Handshake } from "./connect-request.js";
import { compileAuth } from "./connect-token.js";
import {
  type LongPollOptions,
  type MountOptions,
  mountDefaults,
  socketLimitDefaults,
  type WebSocketOptions,
} from "./endpoint-options.js";
import { inboundRates } from "./limits/inbound-meter.js";
import type { Mount } from "./mount.js";
import { isPromise, type MaybePromise } from "./result.js";
import { Session } from "./session.js";

const TOO_LATE: ConnectDecision = { kind: "refused", answer: { status: 503 } };

/** What one text of JavaScript can hold in V8, rounded down; a larger frame could not be read. */
const FRAME_BYTES_LIMIT = 500_000_000;

/** A socket at its path: decides about handshakes and holds the sessions that came of them. */
export class MountedSocket {
  readonly path: string;
  readonly policy: ConnectPolicy;
  readonly websocket:
    | (Required<Omit<WebSocketOptions, "subprotocols">> & { readonly match: PathMatcher })
    | undefined;
  readonly longpoll: (Required<LongPollOptions> & { readonly match: PathMatcher }) | undefined;
  readonly sessions = new Set<Session>();
  readonly #mount: Mount;
  readonly #connectTimeoutMs: number;
  readonly #delays: RefusalDelays;

  constructor(
    path: string,
    options: MountOptions,
    host: string | undefined,
    {
      auth: sharedAuth,
      delays,
      ...shared
    }: Omit<Mount, "path" | "routes" | "limits" | "rates" | "sessions" | "auth"> & {
      readonly auth: SharedAuth;
      readonly delays: RefusalDelays;
    },
  ) {
    const limits = { ...socketLimitDefaults, ...options.limits };
    for (const [name, value] of Object.entries(limits)) requireLimit(`limits.${name} of ${path}`, value);
    const { checkOrigin = true, websocket = {}, longpoll = false } = options;
    this.path = path;
    this.#connectTimeoutMs = requireWhole(
      `connectTimeoutMs of ${path}`,
      options.connectTimeoutMs ?? mountDefaults.connectTimeoutMs,
      1,
    );
    this.websocket = websocket === false ? undefined : websocketSettings(path, websocket);
    this.longpoll =
      longpoll === false ? undefined : longPollSettings(path, longpoll === true ? {} : longpoll);
    if (!this.websocket && !this.longpoll)
      throw invalid(`${path}: both transports are off, nobody could connect`);
    const auth = options.socket.auth === undefined ? undefined : compileAuth(options.socket.auth, path);
    const judge = auth === undefined ? undefined : new MountAuth(path, auth, sharedAuth, shared);
    this.#delays = delays;
    this.policy = {
      path,
      socket: options.socket,
      origin: compileOrigin(checkOrigin, host),
      authToken: options.authToken ?? auth !== undefined,
      auth,
      judge,
      subprotocols: websocket === false ? undefined : websocket.subprotocols,
      session: options.session,
      errorHandler: options.errorHandler,
      counters: shared.counters,
      logger: shared.logger,
    };
    this.#mount = {
      ...shared,
      auth: judge,
      path,
      limits,
      rates: inboundRates(limits),
      sessions: this.sessions,
      routes: compileRoutes(options.socket.routes),
    };
  }

  /** Decides about a handshake, when its turn has come. Rejects, or throws, with what a check of the author throws. */
  connect(handshake: Handshake): MaybePromise<ConnectDecision> {
    const { admission, census } = this.#mount.guards;
    const refusal = census.refuseAddress(handshake);
    if (refusal !== undefined) return { kind: "refused", answer: refusal };
    const turn = admission.enter(handshake.watch);
    if (turn === undefined) return this.#decide(handshake);
    if (turn === "full") return this.#unavailable();
    return turn.then((entry) => (entry === "in" ? this.#decide(handshake) : this.#unavailable()));
  }

  #unavailable(): ConnectDecision {
    const retryAfter = String(this.#mount.guards.admission.retryAfterS());
    return { kind: "refused", answer: { status: 503, headers: { "retry-after": retryAfter } } };
  }

  /** Its turn has come; it is given back when the handshake is decided. */
  #decide(handshake: Handshake): MaybePromise<ConnectDecision> {
    const { clock, guards } = this.#mount;
    const startedMs = clock.monotonic();
    let decision: MaybePromise<ConnectDecision> | undefined;
    try {
      decision = decideConnect(this.policy, handshake);
      if (!isPromise(decision)) return this.#count(decision, handshake);
      return (
        this.#inTime(decision)
          .then((made) => this.#count(made, handshake))
          .finally(() => guards.admission.leave(startedMs))
          // Whoever is made to wait takes nobody's turn meanwhile.
          .then((made) => this.#delays.hold(made))
      );
    } finally {
      if (!isPromise(decision)) guards.admission.leave(undefined);
    }
  }

  /** Refuses users who have too many sockets, and notes whose address this one counts for. */
  #count(decision: ConnectDecision, handshake: Handshake): ConnectDecision {
    if (decision.kind === "refused") return decision;
    const { census } = this.#mount.guards;
    const refusal = census.refuseUser(decision.user);
    if (refusal !== undefined) return { kind: "refused", answer: refusal };
    const address = census.addressOf(handshake);
    return address === undefined ? decision : { ...decision, address };
  }

  /** The client's connection is held, in nobody's care, while the application decides. */
  #inTime(decision: Promise<ConnectDecision>): Promise<ConnectDecision> {
    return new Promise((resolve) => {
      const cancel = this.#mount.clock.after(this.#connectTimeoutMs, () => {
        this.policy.logger.warn("connect took too long", {
          path: this.path,
          timeoutMs: this.#connectTimeoutMs,
        });
        this.#mount.counters.connect_timeouts_total++;
        resolve(TOO_LATE);
      });
      // decideConnect makes a refusal of what the application throws.
      void decision.then((made) => {
        cancel();
        resolve(made);
      });
    });
  }

  /** Opens the session of an accepted handshake. */
  open(
    decision: ConnectDecision & { readonly kind: "accepted" },
    transport: "websocket" | "longpoll",
    sink: Sink,
  ): Session {
    const { serializer, assigns, id, user, address, credential } = decision;
    const mount = this.#mount;
    const seat = mount.guards.census.enter(user, address);
    const session = new Session({ mount, sink, serializer, transport, id, assigns, credential, seat });
    mount.counters.connects_total++;
    // Others that were decided about at the same time have opened first.
    if (seat === undefined) session.close(closeCodes.policyViolation, "too many connections");
    return session;
  }

  /** Closes the WebSockets whose client sent nothing since `ticks` sweeps. */
  sweepIdle(ticks: number): void {
    for (const session of this.sessions) {
      if (session.transport === "websocket") session.checkIdle(ticks);
    }
  }
}

function websocketSettings(path: string, options: WebSocketOptions): NonNullable<MountedSocket["websocket"]> {
  const settings = {
    path: options.path ?? "/websocket",
    timeoutMs: requireWhole(`timeoutMs of ${path}`, options.timeoutMs ?? mountDefaults.timeoutMs, 1),
    frameBytesMax: requireWhole(
      `frameBytesMax of ${path}`,
      options.frameBytesMax ?? mountDefaults.frameBytesMax,
      1,
    ),
    compress: options.compress ?? false,
  };
  if (settings.frameBytesMax > FRAME_BYTES_LIMIT) {
    throw invalid(`frameBytesMax of ${path} must be at most ${FRAME_BYTES_LIMIT}`);
  }
  return { ...settings, match: compilePath(path + settings.path) };
}

function longPollSettings(path: string, options: LongPollOptions): NonNullable<MountedSocket["longpoll"]> {
  const settings = {
    path: options.path ?? "/longpoll",
    windowMs: requireWhole(`windowMs of ${path}`, options.windowMs ?? mountDefaults.windowMs, 1),
    pubsubTimeoutMs: requireWhole(
      `pubsubTimeoutMs of ${path}`,
      options.pubsubTimeoutMs ?? mountDefaults.pubsubTimeoutMs,
      1,
    ),
    tokenMaxAgeS: requireWhole(
      `tokenMaxAgeS of ${path}`,
      options.tokenMaxAgeS ?? mountDefaults.tokenMaxAgeS,
      1,
    ),
    sessionsMax: requireWhole(`sessionsMax of ${path}`, options.sessionsMax ?? mountDefaults.sessionsMax, 1),
  };
  return { ...settings, match: compilePath(path + settings.path) };
}
