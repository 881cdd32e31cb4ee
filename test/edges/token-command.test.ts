import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Atom, phoenixToken, Tuple } from "../../src/index.js";
import { ecPair, rsaPair } from "../support/jwts.js";
import { runTokenCommand } from "../support/token-command.js";

const secret = "abcdefgh".repeat(8);
const withSecret = { SECRET_KEY_BASE: secret, JWT_SECRET: secret };
const salt = ["--salt", "user auth"];
const folder = mkdtempSync(join(tmpdir(), "simurgh-token-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string) {
  const ended = await runTokenCommand(args, env, input);
  expect(`${ended.stdout}${ended.stderr}`).not.toContain(secret);
  return ended;
}

async function json(args: readonly string[], env: NodeJS.ProcessEnv = {}, input?: string) {
  const { code, stdout } = await run(args, env, input);
  return { code, said: JSON.parse(stdout) as Record<string, unknown> };
}

/** The token that a command printed, and nothing else. */
async function signed(args: readonly string[], env: NodeJS.ProcessEnv = withSecret, input?: string) {
  const { code, stdout, stderr } = await run(["sign", ...args], env, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim();
}

describe("simurgh token with tokens of Phoenix", () => {
  it("signs what the library verifies, and verifies what it signs", async () => {
    const tokens = phoenixToken({ secret, salt: "user auth" });
    const token = await signed(['{"sub":"u1","role":"admin"}', ...salt, "--max-age", "60"]);
    expect(tokens.verify(token)).toMatchObject({ ok: true, data: { sub: "u1", role: "admin" } });
    const { code, said } = await json(["verify", ...salt], withSecret, `${tokens.sign("u2")}\n`);
    expect(code).toBe(0);
    expect(said).toMatchObject({ valid: true, subject: "u2", claims: { data: "u2" } });
    expect(Date.parse(String(said.expiresAt)) - Date.parse(String(said.issuedAt))).toBe(86_400_000);
  });

  it("takes the secret from a file or the standard input", async () => {
    const path = file("secret", `${secret}\n`);
    const token = await signed(['"u"', ...salt, "--encrypted", "--secret-file", path], {});
    expect(token).toMatch(/^XCP\./);
    const options = ["--encrypted", ...salt, "--secret-file", "-"];
    expect(await json(["verify", token, ...options], {}, secret)).toMatchObject({ code: 0 });
    const both = await run(["verify", ...options], {}, secret);
    expect(both).toMatchObject({ code: 1, stdout: "" });
    expect(both.stderr).toContain("for one thing only");
  });

  it("says why a token does not pass", async () => {
    const old = phoenixToken({ secret, salt: "user auth" }).sign("u", { signedAtSeconds: 0 });
    expect(await json(["verify", old, ...salt], withSecret)).toEqual({
      code: 3,
      said: { valid: false, reason: "expired" },
    });
    expect(await json(["verify", old, "--salt", "other"], withSecret)).toEqual({
      code: 3,
      said: { valid: false, reason: "invalid" },
    });
    expect(await json(["verify", old, ...salt, "--max-age", "infinity"], withSecret)).toMatchObject({
      code: 0,
      said: { expiresAt: "never", issuedAt: "1970-01-01T00:00:00.000Z" },
    });
  });

  it("shows what JSON has no form for", async () => {
    const data = new Tuple([new Atom("user"), 2n ** 70n, new Map([[1, new Uint8Array([255])]])]);
    const token = phoenixToken({ secret, salt: "x" }).sign(data);
    const { code, said } = await json(["inspect"], {}, token);
    expect(code).toBe(0);
    expect(said).toMatchObject({
      verified: false,
      kind: "phoenix",
      data: {
        tuple: [{ atom: "user" }, { integer: "1180591620717411303424" }, { map: [[1, { base64: "/w==" }]] }],
      },
    });
  });
});

describe("simurgh token with JSON Web Tokens", () => {
  it("signs and verifies with a secret", async () => {
    const token = await signed(['{"sub":"u1"}', "--type", "jwt", "--issuer", "me", "--expires-in", "60"]);
    const passed = await json(["verify", "--issuer", "me"], withSecret, token);
    expect(passed).toMatchObject({ code: 0, said: { valid: true, subject: "u1", claims: { iss: "me" } } });
    const wrong = await json(["verify", token, "--audience", "chat"], withSecret);
    expect(wrong).toEqual({ code: 3, said: { valid: false, reason: "wrong_audience" } });
    const other = await json(["verify", token], { JWT_SECRET: "x".repeat(64) });
    expect(other).toEqual({ code: 3, said: { valid: false, reason: "invalid" } });
  });

  it("signs with a private key, and verifies with the public one, given or published", async () => {
    const pair = ecPair();
    const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const key = ["--type", "jwt", "--key-file", file("private.pem", pem)];
    const token = await signed([...key, "--kid", "k1"], {}, '{"sub":"u1"}');
    const given = await json(["verify", token, "--key-file", file("public.pem", pair.pem)]);
    expect(given).toMatchObject({ code: 0, said: { subject: "u1" } });
    const rsa = JSON.stringify(rsaPair().jwk);
    const other = await json(["verify", token, "--key-file", file("other.json", rsa)]);
    expect(other).toMatchObject({ code: 3, said: { reason: "invalid" } });
    const published = createServer((_request, response) => {
      response.end(JSON.stringify({ keys: [{ ...pair.jwk, kid: "k1" }] }));
    });
    await new Promise<void>((resolve) => published.listen(0, "127.0.0.1", resolve));
    // A listening TCP server has an AddressInfo.
    const url = `http://127.0.0.1:${(published.address() as AddressInfo).port}/`;
    expect(await json(["verify", token, "--jwks-url", url])).toMatchObject({ code: 0 });
    await new Promise((resolve) => {
      published.close(resolve);
      published.closeAllConnections();
    });
    const away = await run(["verify", token, "--jwks-url", url]);
    expect(away).toMatchObject({ code: 1, stdout: "" });
    expect(away.stderr).toContain("token_keys_unavailable");
    // By a connection of before that is closed, or by a new one that nobody takes.
    expect(away.stderr).toMatch(/error=(UND_ERR_SOCKET|ECONNREFUSED|ECONNRESET) /);
  });

  it("shows what is written in a token, and does not claim that it is true", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ alg: "none" })}.${part({ sub: "root", exp: 0 })}.${part({})}`;
    const { code, said } = await json(["inspect", text]);
    expect(code).toBe(0);
    expect(said).toEqual({
      verified: false,
      kind: "jwt",
      header: { alg: "none" },
      expiresAt: "1970-01-01T00:00:00.000Z",
      claims: { sub: "root", exp: 0 },
    });
    expect(await json(["inspect"], {}, "hello")).toEqual({
      code: 3,
      said: { verified: false, fault: "this is no token" },
    });
  });
});

describe("simurgh token that is used wrongly", () => {
  const privatePem = () => rsaPair().privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  it.each([
    ["no secret", ["sign", "1", ...salt], {}, 1, "set SECRET_KEY_BASE, or say --secret-file"],
    ["a short secret", ["sign", "1", ...salt], { SECRET_KEY_BASE: "short" }, 1, "fewer than 20 bytes"],
    ["no salt", ["sign", "1"], withSecret, 1, "--salt"],
    ["data that is no JSON", ["sign", "{", ...salt], withSecret, 1, "no JSON"],
    ["claims that are no object", ["sign", "1", "--type", "jwt"], withSecret, 1, "a JSON object"],
    ["a file that is not there", ["sign", "1", ...salt, "--secret-file", "/no"], {}, 1, "ENOENT"],
    ["an algorithm that is none", ["sign", "{}", "--alg", "none"], withSecret, 2, "Allowed choices"],
    ["an age that is none", ["verify", "x", "--max-age", "-1"], withSecret, 2, "whole number"],
    ["a secret on the command line", ["sign", "1", "--secret", "x"], {}, 2, "unknown option"],
    ["nothing to do", [], {}, 2, "inspect"],
  ] as const)("says so: %s", async (_what, args, env, code, message) => {
    const ended = await run(args, env);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(message);
  });

  it("does not quote a key that it cannot use", async () => {
    const path = file("private-as-public.pem", privatePem());
    const { code, stderr } = await run(["verify", "a.b.c", "--key-file", path]);
    expect(code).toBe(1);
    expect(stderr).toContain("who verifies needs the public key only");
    expect(stderr).not.toContain("BEGIN");
  });
});
