import type { CryptoKey } from "jose";
import { invalidOption, type JwksSettings, type JwtSurroundings, requireNumber } from "./options.js";
import { type FindKeys, type KeyHint, keySet } from "./public-keys.js";

const firstRetryMs = 1_000;

/**
 * Keys that an issuer publishes: fetched when they are needed, by one request at a time, and kept. A key that is not
 * known makes them be fetched early, but not more often than the cooldown allows, so that nobody can make us ask on
 * and on. While the issuer does not answer, the keys of last time stay good for a while.
 */
export class RemoteKeys {
  readonly #url: URL;
  readonly #around: JwtSurroundings;
  readonly #settings: Required<JwksSettings>;
  #find: FindKeys | undefined = undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #attemptedMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #pending: Promise<void> | undefined = undefined;

  constructor(url: string | URL, settings: JwksSettings, around: JwtSurroundings) {
    this.#settings = compileSettings(settings);
    this.#url = checkUrl(url, this.#settings.allowHttp);
    this.#around = around;
  }

  /** Undefined: it cannot be told, as the keys cannot be had. */
  async find(hint: KeyHint): Promise<readonly CryptoKey[] | undefined> {
    await this.#keepFresh();
    if (this.#find === undefined || this.#ageMs > this.#settings.staleMs) return undefined;
    const known = await this.#find(hint);
    if (known.length > 0) return known;
    const sinceMs = this.#nowMs - this.#attemptedMs;
    if (this.#pending === undefined && sinceMs < this.#settings.cooldownMs)
      return this.#failures > 0 ? undefined : [];
    await this.#refresh();
    return this.#failures > 0 ? undefined : this.#find(hint);
  }

  get #nowMs(): number {
    return this.#around.clock.monotonic();
  }

  get #ageMs(): number {
    return this.#nowMs - this.#fetchedMs;
  }

  /** Nobody waits for keys as long as there are good ones, save after a long lull: they may have been called back. */
  async #keepFresh(): Promise<void> {
    const { refreshMs, staleMs } = this.#settings;
    const ageMs = this.#ageMs;
    if (ageMs <= refreshMs) return;
    const refreshed = this.#refresh();
    if (ageMs > staleMs || (ageMs > 2 * refreshMs && this.#failures === 0)) await refreshed;
  }

  /** Never rejects. After a failure it waits before it tries again. */
  #refresh(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    const waitMs = Math.min(firstRetryMs * 2 ** (this.#failures - 1), this.#settings.cooldownMs);
    if (this.#failures > 0 && this.#nowMs - this.#attemptedMs < waitMs) return Promise.resolve();
    this.#pending = this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fetch(): Promise<void> {
    const startedMs = this.#nowMs;
    this.#attemptedMs = startedMs;
    const where = this.#url.origin + this.#url.pathname;
    const { logger, download } = this.#around;
    try {
      this.#find = keySet(await download(this.#url, this.#settings));
      this.#fetchedMs = startedMs;
      if (this.#failures > 0) logger.info("keys of tokens fetched again", { url: where });
      this.#failures = 0;
    } catch (cause) {
      // From now on, not from the start: a fetch that hung has taken its time already.
      this.#attemptedMs = this.#nowMs;
      this.#failures++;
      const level = this.#failures === 1 ? "warn" : "debug";
      const error = cause instanceof Error ? cause.message : String(cause);
      const left = Math.max(0, Math.round((this.#settings.staleMs - this.#ageMs) / 1000));
      logger[level]("keys of tokens cannot be fetched", { url: where, error, oldKeysGoodForS: left });
    }
  }
}

function compileSettings(settings: JwksSettings): Required<JwksSettings> {
  const number = (name: "refreshMs" | "staleMs" | "cooldownMs" | "timeoutMs" | "bytesMax", value: number) =>
    requireNumber(`jwks.${name}`, settings[name] ?? value, 1);
  const compiled = {
    refreshMs: number("refreshMs", 600_000),
    staleMs: number("staleMs", 3_600_000),
    cooldownMs: number("cooldownMs", 30_000),
    timeoutMs: number("timeoutMs", 5_000),
    bytesMax: number("bytesMax", 524_288),
    allowHttp: settings.allowHttp ?? false,
  };
  if (compiled.staleMs < compiled.refreshMs) throw invalidOption("jwks.staleMs must not be below refreshMs");
  return compiled;
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function checkUrl(given: string | URL, allowHttp: boolean): URL {
  const text = String(given);
  if (!URL.canParse(text)) throw invalidOption("jwksUrl is no URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw invalidOption("jwksUrl must not hold credentials");
  const plain = url.protocol === "http:" && (allowHttp || loopback.test(url.hostname));
  if (url.protocol !== "https:" && !plain) throw invalidOption("jwksUrl must begin with https:");
  return url;
}
