import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { phoenixToken } from "../../src/index.js";
import { shakeHands } from "./handshake.js";
import { ask } from "./http.js";
import { offeredAs } from "./json-tokens.js";
import { byKey, bySecret, ecPair, forge } from "./jwts.js";
import { fixture, type Program, startProgram } from "./program.js";
import { RawWebSocket } from "./raw-websocket.js";
import { until } from "./wait.js";

const randomText = () => randomBytes(32).toString("base64url");

/** The key that the issuer publishes under the name `k1`, and one of somebody who would like to be him. */
export const [issuer, impostor] = [ecPair(), ecPair()];
/** What the server signs and verifies with; `old` is still good. */
export const secrets = { hs: randomText(), old: randomText(), phoenix: randomText() };
/** Tokens as an Elixir backend makes them. */
export const phoenixTokens = phoenixToken({ secret: secrets.phoenix, salt: "user auth" });

/** Seconds since 1970. */
export const nowS = (): number => Math.floor(Date.now() / 1_000);

/** Claims that pass. Each token is another one. */
export const claims = (more: object = {}): Record<string, unknown> => ({
  iss: "https://id.example/",
  aud: "chat",
  sub: "mallory",
  jti: randomBytes(9).toString("hex"),
  iat: nowS() - 10,
  exp: nowS() + 600,
  ...more,
});

/** A good token of the mount `/hs`, but for these claims. */
export const hsToken = (more: object = {}): string =>
  forge({ alg: "HS256" }, claims(more), bySecret(secrets.hs));
/** A good token of the mount `/es`, but for these claims. */
export const esToken = (more: object = {}): string =>
  forge({ alg: "ES256", kid: "k1" }, claims(more), byKey(issuer));

/** A line of the log. */
export type Line = Readonly<Record<string, unknown>>;

/** What the log says of a token that a handshake brought. */
export const refusedLine = (path: string, reason: string, transport: "websocket" | "longpoll"): Line => ({
  level: "debug",
  message: "token refused",
  path,
  reason,
  transport,
});

/** What a request to connect brings beside the version. */
export interface Bringing {
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a client sees: the status, `www-authenticate` and the body. */
export type Sight = readonly [number, string | undefined, string];

/** Brings a token as phoenix.js does over WebSocket. */
export const byProtocol = (token: string): Bringing => ({
  headers: { "sec-websocket-protocol": offeredAs(token) },
});
/** Brings a token as phoenix.js does over long poll. */
export const byHeader = (token: string): Bringing => ({ headers: { "x-phoenix-authtoken": token } });

/** The server of `test/fixtures/tokens-server.mjs`, and its issuer, who also publishes the impostor's keys elsewhere. */
export class TokenServer {
  readonly port: number;
  /** Paths that the issuer was asked for. */
  readonly asked: string[];
  readonly #program: Program;
  readonly #issuer: Server;
  #marks = 0;

  private constructor(port: number, program: Program, issuerServer: Server, asked: string[]) {
    this.port = port;
    this.#program = program;
    this.#issuer = issuerServer;
    this.asked = asked;
  }

  static async start(): Promise<TokenServer> {
    const asked: string[] = [];
    const keySets = { true: issuer.jwk, false: impostor.jwk };
    const server = createServer(({ url = "" }, response) => {
      asked.push(url);
      const jwk = keySets[`${url === "/keys"}`];
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: "k1", alg: "ES256" }] }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const program = startProgram(process.execPath, [fixture("tokens-server.mjs")], {
      JWT_SECRET: secrets.hs,
      JWT_OLD_SECRET: secrets.old,
      PHOENIX_SECRET: secrets.phoenix,
      JWKS_URL: `${urlOf(server)}/keys`,
    });
    const port = Number((await program.line("port ")).slice(5));
    return new TokenServer(port, program, server, asked);
  }

  /** Where the impostor publishes his keys. */
  get impostorUrl(): string {
    return `${urlOf(this.#issuer)}/impostor`;
  }

  /** All that it has ever written. */
  get output(): string {
    return this.#program.stdout + this.#program.stderr;
  }

  /** How many lines its log has by now, when all that was done before is in it. */
  async logLength(): Promise<number> {
    return (await this.logSince(0)).length;
  }

  /** Lines of the log but the first `from`, of all levels, when all that was done before is in it. */
  async logSince(from: number): Promise<Line[]> {
    const mark = String(++this.#marks);
    await ask(this.port, "/mark", { method: "POST", body: mark });
    const lines = () =>
      this.#program.stdout
        .split("\n")
        .filter((line) => line.startsWith("log ") && line.endsWith("}"))
        .map((line): Line => JSON.parse(line.slice(4)));
    await until(() => lines().some((line) => line.mark === mark), "the mark in the log");
    return lines()
      .filter(({ message }) => message !== "mark")
      .slice(from);
  }

  /** What somebody sees who asks for a WebSocket. */
  async websocket(mount: string, { query = "", headers = {} }: Bringing): Promise<Sight> {
    const answer = await shakeHands(this.port, `${mount}/websocket?vsn=2.0.0${query}`, { headers });
    return [answer.status, answer.headers["www-authenticate"]?.toString(), answer.body];
  }

  /** What somebody sees who asks for a session of long poll. */
  async poll(mount: string, { query = "", headers = {} }: Bringing): Promise<Sight> {
    const answer = await ask(this.port, `${mount}/longpoll?vsn=2.0.0${query}`, { headers });
    return [answer.status, answer.headers["www-authenticate"]?.toString(), answer.body];
  }

  /** Connects with a token, and joins. */
  async joined(mount: string, token: string, topic = "room:1"): Promise<RawWebSocket> {
    const raw = await RawWebSocket.open(this.port, `${mount}/websocket?vsn=2.0.0`, byProtocol(token).headers);
    raw.message("1", "1", topic, "phx_join", {});
    await until(() => raw.messages.some((message) => (message as unknown[])[1] === "1"), "the join reply");
    return raw;
  }

  async revoke(revocation: object): Promise<void> {
    const { status } = await ask(this.port, "/revoke", { method: "POST", body: JSON.stringify(revocation) });
    if (status !== 200) throw new Error(`not revoked: ${status}`);
  }

  /** Its counters. */
  async stats(): Promise<Readonly<Record<string, number>>> {
    return JSON.parse((await ask(this.port, "/facts")).body);
  }

  async stop(): Promise<void> {
    this.#program.child.kill("SIGKILL");
    await this.#program.ended;
    this.#issuer.closeAllConnections();
    await new Promise((resolve) => this.#issuer.close(resolve));
  }
}

function urlOf(server: Server): string {
  // A listening TCP server has an AddressInfo.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What of secrets and tokens a text has in it; `of` are further tokens. Every token of these tests has a signature. */
export function leaksIn(text: string, of: readonly string[] = []): string[] {
  const pieces = of.flatMap((token) => token.split(".")).filter((piece) => piece.length >= 16);
  // What JWT, and what tokens of Phoenix, begin with.
  const beginnings = ["eyJ", "SFMyNTY"];
  return [...Object.values(secrets), ...beginnings, ...pieces].filter((piece) => text.includes(piece));
}
