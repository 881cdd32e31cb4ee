import { type SignedIn, signInPath } from "../protocol.js";

const timeoutMs = 3_000;
/** Errors of a connection come in bursts. */
const renewEveryMs = 2_000;
/** The part of a token's life after which it is renewed. */
const renewAfter = 0.8;

/** Who the page is to the server: a token, renewed before it ends. Without one the page is a guest all the same. */
export class Session {
  readonly #name: () => string | undefined;
  readonly #renewed: (token: string) => void;
  #token = "";
  #askedMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** `name` is asked for the name to sign in with; `renewed` is told every token but the first. */
  constructor(name: () => string | undefined, renewed: (token: string) => void) {
    this.#name = name;
    this.#renewed = renewed;
  }

  /** Empty: there is none. */
  get token(): string {
    return this.#token;
  }

  /** Asks for a token, or another one. Never rejects: who cannot be reached now is asked again later. */
  async renew(): Promise<void> {
    this.#askedMs = performance.now();
    const before = this.#token;
    try {
      const { token, expiresInS } = await this.#ask();
      this.#token = token;
      this.#renewIn(expiresInS * 1000 * renewAfter);
      if (before !== "") this.#renewed(token);
    } catch {
      // The server is away, or going; the connection says so to the person.
      this.#renewIn(renewEveryMs);
    }
  }

  /** The connection has failed: the token may be the reason, as it has ended, or the server has another secret. */
  connectionFailed(): void {
    if (performance.now() - this.#askedMs > renewEveryMs) void this.renew();
  }

  async #ask(): Promise<SignedIn> {
    const response = await fetch(signInPath, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: this.#name(), token: this.#token || undefined }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) throw new Error(`signing in: HTTP ${response.status}`);
    return response.json();
  }

  #renewIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.renew(), delayMs);
  }
}
