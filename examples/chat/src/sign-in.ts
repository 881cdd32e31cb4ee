import { randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import {
  accept,
  phoenixToken,
  phoenixTokenVerifier,
  type SocketDefinition,
  socket,
  type TokenVerifier,
} from "simurgh";
import { z } from "zod";
import { deviceOf } from "./people.js";
import { nameCharsMax, type SignedIn, signInPath } from "./protocol.js";
import type { Visitor } from "./room.js";

/** How long a guest's token is good for. The page asks for another one before. */
const tokenMaxAgeS = 3_600;
const bodyBytesMax = 8_192;

const name = z.string().trim().max(nameCharsMax);
const request = z.object({ name: name.optional(), token: z.string().optional() });
const claims = z.object({ sub: z.string(), name: name.min(1) });

/** Signs guests in: whoever asks gets a token with a name, which then says who he is. */
export interface SignIn {
  /** Everybody may connect; who has a token goes by the name in it. */
  readonly visitors: SocketDefinition<Visitor>;
  /** Answers `POST /session`, and leaves the rest to `next`. */
  serve(next: RequestListener): RequestListener;
}

function guestName(): string {
  return `guest-${randomBytes(2).toString("hex")}`;
}

/** Signs with the secret that all nodes share, so that each takes the tokens of the others. */
export function createSignIn(secret: string): SignIn {
  const tokens = phoenixToken({ secret, salt: "chat guest" });
  const verifier = phoenixTokenVerifier({
    tokens,
    claims: (data) => claims.safeParse(data).data,
  });
  return {
    visitors: socket({
      auth: { verifier, required: false },
      connect: ({ token, info }) => {
        const guest = token === undefined ? guestName() : String(token.claims.name);
        return accept<Visitor>({ guest, usual: deviceOf(info.userAgent) });
      },
    }),
    serve: (next) => (incoming, response) => {
      if (incoming.url !== signInPath || incoming.method !== "POST") return next(incoming, response);
      signIn(incoming, response).catch(() => response.destroy());
    },
  };

  async function signIn(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = request.safeParse(await readJson(incoming));
    if (!asked.success) return answer(response, 400, { error: "a name, if any, has at most 40 characters" });
    const sub = (await subjectOf(asked.data.token, verifier)) ?? randomUUID();
    const name = asked.data.name || guestName();
    const token = tokens.sign({ sub, name }, { maxAgeSeconds: tokenMaxAgeS });
    const signedIn: SignedIn = { name, token, expiresInS: tokenMaxAgeS };
    answer(response, 200, signedIn);
  }
}

/** Who renews a token stays who he is: a connection takes a new token of the same subject only. */
async function subjectOf(token: string | undefined, verifier: TokenVerifier): Promise<string | undefined> {
  const checked = token === undefined ? undefined : await verifier.verify(token);
  return checked?.ok === true ? checked.token.subject : undefined;
}

/** Undefined: no JSON, or too much of it. Pages of other sites cannot send this type without asking first. */
async function readJson(incoming: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(incoming.headers["content-type"] ?? "")) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined; // The client's fault; it is told so.
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    connection: "close",
  });
  response.end(JSON.stringify(body));
}
