import type { Sink } from "../contracts/transport.js";
import { compileRoutes } from "../core/socket/routes.js";
import { compileOrigin, compilePath, invalid, type PathMatcher, requireWhole } from "./configure.js";
import { type ConnectDecision, type ConnectPolicy, decideConnect } from "./connect.js";
import type { Handshake } from "./connect-request.js";
import { compileAuth } from "./connect-token.js";
import {
  type LongPollOptions,
  type MountOptions,
  socketLimitDefaults,
  type WebSocketOptions,
} from "./endpoint-options.js";
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

  constructor(
    path: string,
    options: MountOptions,
    host: string | undefined,
    shared: Omit<Mount, "path" | "routes" | "limits" | "sessions">,
  ) {
    const limits = { ...socketLimitDefaults, ...options.limits };
    for (const [name, value] of Object.entries(limits)) requireWhole(`limits.${name} of ${path}`, value, 1);
    const { checkOrigin = true, websocket = {}, longpoll = false } = options;
    this.path = path;
    this.#connectTimeoutMs = requireWhole(
      `connectTimeoutMs of ${path}`,
      options.connectTimeoutMs ?? 10_000,
      1,
    );
    this.websocket = websocket === false ? undefined : websocketSettings(path, websocket);
    this.longpoll =
      longpoll === false ? undefined : longPollSettings(path, longpoll === true ? {} : longpoll);
    if (!this.websocket && !this.longpoll)
      throw invalid(`${path}: both transports are off, nobody could connect`);
    const { auth } = options.socket;
    this.policy = {
      path,
      socket: options.socket,
      origin: compileOrigin(checkOrigin, host),
      authToken: options.authToken ?? auth !== undefined,
      auth: auth === undefined ? undefined : compileAuth(auth, path),
      subprotocols: websocket === false ? undefined : websocket.subprotocols,
      session: options.session,
      errorHandler: options.errorHandler,
      counters: shared.counters,
      logger: shared.logger,
    };
    this.#mount = {
      ...shared,
      path,
      limits,
      sessions: this.sessions,
      routes: compileRoutes(options.socket.routes),
    };
  }

  /** Decides about a handshake. Never rejects. */
  connect(handshake: Handshake): MaybePromise<ConnectDecision> {
    const decision = decideConnect(this.policy, handshake);
    return isPromise(decision) ? this.#inTime(decision) : decision;
  }

  /** The client's connection is held, in nobody's care, while the application decides. */
  #inTime(decision: Promise<ConnectDecision>): Promise<ConnectDecision> {
    return new Promise((resolve) => {
      const cancel = this.#mount.clock.after(this.#connectTimeoutMs, () => {
        this.policy.logger.warn("connect took too long", {
          path: this.path,
          timeoutMs: this.#connectTimeoutMs,
        });
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
    const { serializer, assigns, id } = decision;
    const session = new Session({ mount: this.#mount, sink, serializer, transport, id, assigns });
    this.#mount.counters.connects_total++;
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
    timeoutMs: requireWhole(`timeoutMs of ${path}`, options.timeoutMs ?? 60_000, 1),
    frameBytesMax: requireWhole(`frameBytesMax of ${path}`, options.frameBytesMax ?? 10_000_000, 1),
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
    windowMs: requireWhole(`windowMs of ${path}`, options.windowMs ?? 10_000, 1),
    pubsubTimeoutMs: requireWhole(`pubsubTimeoutMs of ${path}`, options.pubsubTimeoutMs ?? 2_000, 1),
    tokenMaxAgeS: requireWhole(`tokenMaxAgeS of ${path}`, options.tokenMaxAgeS ?? 1_209_600, 1),
    sessionsMax: requireWhole(`sessionsMax of ${path}`, options.sessionsMax ?? 10_000, 1),
  };
  return { ...settings, match: compilePath(path + settings.path) };
}
