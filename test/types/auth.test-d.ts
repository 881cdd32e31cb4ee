/** Sockets with `auth`: `connect` has a token exactly when the types say so. */
import { expectTypeOf } from "vitest";
import { accept, ok, refuse, socket, type TokenVerifier, type VerifiedToken } from "../../src/index.js";

declare const verifier: TokenVerifier;
declare const required: boolean;

const users = socket({
  auth: { verifier },
  connect: ({ token, params }) => {
    expectTypeOf(token).toEqualTypeOf<VerifiedToken>();
    expectTypeOf(token.claims.role).toBeUnknown();
    return params.no === undefined ? accept({ user: token.subject ?? "nobody" }) : refuse();
  },
  id: ({ assigns }) => assigns.user,
});
users.channel({
  join: (ch) => {
    expectTypeOf(ch.assigns.user).toBeString();
    return ok();
  },
});

socket({
  auth: { verifier, required: false, param: "token" },
  connect: async ({ token }) => {
    expectTypeOf(token).toEqualTypeOf<VerifiedToken | undefined>();
    return accept({ guest: token === undefined });
  },
});

socket({
  auth: { verifier, required },
  connect: ({ token }) => {
    expectTypeOf(token).toEqualTypeOf<VerifiedToken | undefined>();
    return accept();
  },
});

socket({
  auth: { verifier, required: true },
  connect: ({ token }) => {
    expectTypeOf(token).toEqualTypeOf<VerifiedToken>();
    return accept();
  },
});

socket({ auth: { verifier } });

socket({
  connect: (request) => {
    // @ts-expect-error: without `auth` nothing was verified
    request.token;
    return accept();
  },
});

// @ts-expect-error: there is nothing that could verify
socket({ auth: {} });
// @ts-expect-error: a function is no verifier
socket({ auth: { verifier: () => true } });
// @ts-expect-error: there is no such place
socket({ auth: { verifier, header: "authorization" } });
