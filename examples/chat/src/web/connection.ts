import { Socket } from "phoenix";
import type { Welcome } from "../protocol.js";

/** How the page is connected now. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected"; readonly welcome: Welcome }
  | { readonly kind: "reconnecting"; readonly from: string };

/** One time that the connection was lost and found again. */
export interface Reconnect {
  readonly at: Date;
  readonly from: string;
  readonly to: string;
  readonly tookMs: number;
  /** A hidden tab does not reconnect until it is looked at; its time says nothing. */
  readonly hidden: boolean;
}

/** Above: the oldest are forgotten. */
const reconnectsMax = 50;
/** When no WebSocket has come up by then, the page polls. */
const longPollFallbackMs = 2_500;

/** The page's one socket, with what became of it. */
export class Connection {
  readonly socket: Socket;
  readonly #changed: (reconnect?: Reconnect) => void;
  readonly #reconnects: Reconnect[] = [];
  #state: ConnectionState = { kind: "connecting" };
  #lostAtMs = 0;
  #wasHidden = false;

  /** `token` is asked with every attempt to connect, `changed` is called after every change, with the reconnect when that is the change. */
  constructor(path: string, token: () => string, changed: (reconnect?: Reconnect) => void) {
    this.#changed = changed;
    // The client asks a function with every attempt to connect; its types know of texts only.
    const authToken = token as unknown as string;
    this.socket = new Socket(path, { longPollFallbackMs, authToken });
    this.socket.onClose(() => this.#lost());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#wasHidden = true;
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Newest first. */
  get reconnects(): readonly Reconnect[] {
    return this.#reconnects;
  }

  /** A room was entered: only now it is known which node this is. */
  entered(welcome: Welcome): void {
    const before = this.#state;
    this.#state = { kind: "connected", welcome };
    if (welcome.transport === "websocket") this.#stayOnWebSocket();
    if (before.kind !== "reconnecting") return this.#changed();
    const reconnect = {
      at: new Date(),
      from: before.from,
      to: welcome.node,
      tookMs: performance.now() - this.#lostAtMs,
      hidden: this.#wasHidden,
    };
    this.#reconnects.unshift(reconnect);
    this.#reconnects.length = Math.min(this.#reconnects.length, reconnectsMax);
    this.#changed(reconnect);
  }

  /** Gives the server another token of the same guest, on the connection that there is. */
  showToken(token: string): void {
    const { socket } = this;
    if (!socket.isConnected()) return;
    const payload = { access_token: token };
    socket.push({ topic: "phoenix", event: "access_token", payload, ref: socket.makeRef() });
  }

  #lost(): void {
    if (this.#state.kind !== "connected") return;
    this.#state = { kind: "reconnecting", from: this.#state.welcome.node };
    this.#lostAtMs = performance.now();
    this.#wasHidden = document.hidden;
    this.#changed();
  }

  /**
   * phoenix.js falls back to polling for good at the first error of a connection attempt, such as the one that a
   * dying node causes. Where a WebSocket has worked once, waiting for the next one is better. There is no method
   * for it, and the property is not in the types.
   */
  #stayOnWebSocket(): void {
    Reflect.set(this.socket, "longPollFallbackMs", undefined);
  }
}
