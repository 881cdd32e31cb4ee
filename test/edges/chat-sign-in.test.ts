import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { people } from "../../examples/chat/src/people.js";
import { createRoom } from "../../examples/chat/src/room.js";
import { createSignIn } from "../../examples/chat/src/sign-in.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { phoenixToken } from "../../src/index.js";
import { useEndpoints } from "../support/endpoints.js";
import { shakeHands } from "../support/handshake.js";
import { type AskOptions, ask } from "../support/http.js";
import { disconnect, outcome, phoenixVariants } from "../support/phoenix-clients.js";

const secret = "a secret of the chat's own tests";
const json = { "content-type": "application/json" };

describe("guests of the chat", () => {
  const start = useEndpoints();
  const ends: (() => Promise<void>)[] = [];
  let port = 0;

  beforeEach(async () => {
    const signIn = createSignIn(secret);
    const room = createRoom({ name: "n1@here", supervised: false, logger: silentLogger });
    const http = signIn.serve((_request, response) => response.writeHead(404).end("elsewhere"));
    const routes = signIn.visitors.routes({ "room:*": room });
    ({ port } = await start({
      sockets: { "/socket": { socket: routes, longpoll: true } },
      presence: people,
      http,
    }));
  });

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });

  async function signIn(body: unknown, options: AskOptions = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await ask(port, "/session", { method: "POST", headers: json, body: text, ...options });
    return { status: answer.status, headers: answer.headers, said: JSON.parse(answer.body) };
  }

  async function nameOf(token: string, transport: "websocket" | "longpoll" = "websocket") {
    const variant = phoenixVariants.find((one) => one.transport === transport);
    const client = variant?.connect(port, { authToken: token });
    if (client === undefined) throw new Error(`no official client for ${transport}`);
    ends.push(() => disconnect(client));
    const [, response] = await outcome(client.channel("room:lobby").join());
    return (response as { name?: string }).name;
  }

  test("sign in with a name, and are called that", async () => {
    const { status, headers, said } = await signIn({ name: "  Hudhud " });
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("no-store");
    expect(said).toEqual({ name: "Hudhud", expiresInS: 3_600, token: expect.stringMatching(/^SFMyNTY\./) });
    expect(await nameOf(said.token)).toBe("Hudhud");
    expect(await nameOf(said.token, "longpoll")).toBe("Hudhud");
  });

  test("sign in without a name, and are given one", async () => {
    const { said } = await signIn({});
    expect(said.name).toMatch(/^guest-[0-9a-f]{4}$/);
    expect(await nameOf(said.token)).toBe(said.name);
    expect(await nameOf("")).toMatch(/^guest-/);
  });

  test("stay who they are when they renew their token", async () => {
    const tokens = phoenixToken({ secret, salt: "chat guest" });
    const subject = (token: string) => {
      const checked = tokens.verify(token);
      return checked.ok ? (checked.data as { sub: string }).sub : undefined;
    };
    const first = (await signIn({ name: "Hudhud" })).said.token;
    const renewed = (await signIn({ name: "Simurgh", token: first })).said.token;
    expect(subject(renewed)).toBe(subject(first));
    const stranger = (await signIn({ name: "Hudhud", token: "SFMyNTY.forged.token" })).said.token;
    expect(subject(stranger)).not.toBe(subject(first));
    const old = tokens.sign({ sub: subject(first) ?? "", name: "Hudhud" }, { signedAtSeconds: 1_000 });
    expect(subject((await signIn({ token: old })).said.token)).not.toBe(subject(first));
  });

  test("show their new token on the connection that they have, and nobody else's", async () => {
    const { token } = (await signIn({ name: "Hudhud" })).said;
    const [variant] = phoenixVariants;
    const client = variant?.connect(port, { authToken: token });
    if (client === undefined) throw new Error("no official client");
    ends.push(() => disconnect(client));
    const channel = client.channel("room:lobby");
    await outcome(channel.join());
    const show = async (shown: string) => outcome(channel.push("access_token", { access_token: shown }));
    const renewed = (await signIn({ name: "Hudhud", token })).said.token;
    expect(await show(renewed)).toEqual(["ok", { expires_at: expect.any(Number) }]);
    const stranger = (await signIn({ name: "Hudhud" })).said.token;
    expect(await show(stranger)).toMatchObject(["error", { reason: "token other subject" }]);
  });

  test("are refused with a token that is not one of ours, or has ended", async () => {
    const shake = async (token: string) => {
      const encoded = Buffer.from(token).toString("base64").replaceAll("=", "");
      const headers = { "sec-websocket-protocol": `phoenix, base64url.bearer.phx.${encoded}` };
      return (await shakeHands(port, "/socket/websocket?vsn=2.0.0", { headers })).status;
    };
    const tokens = phoenixToken({ secret, salt: "chat guest" });
    expect(await shake(tokens.sign({ sub: "1", name: "Hudhud" }))).toBe(101);
    expect(await shake(tokens.sign({ sub: "1" }))).toBe(401);
    expect(await shake(tokens.sign({ sub: "1", name: "x".repeat(41) }))).toBe(401);
    expect(await shake(tokens.sign({ sub: "1", name: "Hudhud" }, { signedAtSeconds: 1_000 }))).toBe(401);
    expect(await shake(phoenixToken({ secret, salt: "other" }).sign({ sub: "1", name: "Hudhud" }))).toBe(401);
    expect(await shake("forged")).toBe(401);
  });

  test.each([
    ["a name that is too long", { name: "x".repeat(41) }, {}],
    ["a name that is no text", { name: 5 }, {}],
    ["no object", "[]", {}],
    ["no JSON", "{", {}],
    ["a form, which other sites could send", { name: "x" }, { headers: { "content-type": "text/plain" } }],
    ["too much", { name: "x", token: "x".repeat(9_000) }, {}],
  ])("are not signed in by %s", async (_what, body, options) => {
    expect(await signIn(body, options)).toMatchObject({ status: 400, said: { error: expect.any(String) } });
  });

  test("sign in by POST only; all else is the pages' business", async () => {
    expect((await ask(port, "/session")).status).toBe(404);
    expect((await ask(port, "/session?x=1", { method: "POST", headers: json, body: "{}" })).body).toBe(
      "elsewhere",
    );
  });
});
