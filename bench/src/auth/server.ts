import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  accept,
  createEndpoint,
  lineLogger,
  ok,
  phoenixToken,
  phoenixTokenVerifier,
  socket,
  type TokenVerifier,
} from "simurgh";
import { jwt } from "simurgh/jwt";
import { serve, usage } from "../process.js";
import type { Kind } from "./kinds.js";

const secret = "a secret of the bench, which is of no use elsewhere";
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const { kty = "EC", ...members } = publicKey.export({ format: "jwk" });
const publicJwk = { kty, ...members, kid: "k1" };
const nowS = Math.floor(Date.now() / 1000);
const claims = { iss: "https://id.example", aud: "bench", sub: "user-1", iat: nowS, exp: nowS + 3_600 };

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function signed(alg: "HS256" | "ES256"): string {
  const text = `${encode({ alg, typ: "JWT", kid: "k1" })}.${encode(claims)}`;
  const signature =
    alg === "HS256"
      ? createHmac("sha256", secret).update(text).digest()
      : sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

/** An issuer that publishes his keys, in this process: they are fetched once. */
function publish(): Promise<string> {
  const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [publicJwk] })));
  return new Promise((resolve) => {
    // A listening TCP server has an AddressInfo.
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    );
  });
}

interface Setup {
  readonly verifier: TokenVerifier;
  readonly token: string;
}

async function setupOf(kind: Kind): Promise<Setup | undefined> {
  const named = { issuer: claims.iss, audience: claims.aud };
  switch (kind) {
    case "no token":
      return undefined;
    case "Phoenix token": {
      const tokens = phoenixToken({ secret, salt: "bench" });
      return { verifier: phoenixTokenVerifier({ tokens }), token: tokens.sign("user-1") };
    }
    case "JWT, HS256":
      return { verifier: jwt({ secret, ...named }), token: signed("HS256") };
    case "JWT, ES256":
      return { verifier: jwt({ publicKeys: [publicJwk], ...named }), token: signed("ES256") };
    case "JWT, ES256 by JWKS":
      return { verifier: jwt({ jwksUrl: await publish(), ...named }), token: signed("ES256") };
    default:
      return kind satisfies never;
  }
}

const setup = await setupOf(process.argv[2] as Kind); // Started by our own bench.
const users =
  setup === undefined
    ? socket({ connect: () => accept({ user: "user-1" }) })
    : socket({
        auth: { verifier: setup.verifier, param: "token" },
        connect: ({ token }) => accept({ user: token.subject ?? "" }),
      });
const room = users.channel({ join: () => ok() });
const endpoint = createEndpoint({
  sockets: { "/socket": { socket: users.routes({ "room:*": room }), websocket: { timeoutMs: 3_600_000 } } },
  limits: { socketsPerUserMax: Number.POSITIVE_INFINITY },
  logger: lineLogger({ level: "warn" }),
});
const { port } = await endpoint.listen({ port: 0, host: "127.0.0.1" });
// The token comes by the URL for the sake of a simple client; where it is found costs next to nothing.
const path = `/socket/websocket?vsn=2.0.0${setup === undefined ? "" : `&token=${setup.token}`}`;
serve((request) => {
  if (request.ask === "address") return { port, path };
  if (request.ask === "usage") return usage();
  throw new Error(`unknown request ${JSON.stringify(request)}`);
});
