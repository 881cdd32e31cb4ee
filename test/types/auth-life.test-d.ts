/** What may be granted and called back: a misspelt permission, or a revocation of nothing, does not compile. */
import { expectTypeOf } from "vitest";
import {
  createEndpoint,
  type Endpoint,
  ok,
  type PermissionQuestion,
  type Permissions,
  socket,
  type TerminateReason,
  type TokenVerifier,
  type VerifiedToken,
} from "../../src/index.js";

declare const verifier: TokenVerifier;
declare const endpoint: Endpoint;

socket({ auth: { verifier, permissions: "permissions", warningLeadMs: 0 } });
socket({ auth: { verifier, permissions: () => ({ "room:*": ["join", "push:typing*", "presence"] }) } });
socket({ auth: { verifier, permissions: async () => ({}) } });
socket({
  auth: {
    verifier,
    permissions: (token) => {
      expectTypeOf(token).toEqualTypeOf<VerifiedToken | undefined>();
      return (question) => {
        expectTypeOf(question).toEqualTypeOf<PermissionQuestion>();
        return question.action === "join" && question.topic.startsWith(`room:${token?.subject}`);
      };
    },
  },
});

// @ts-expect-error: there is no such permission
socket({ auth: { verifier, permissions: () => ({ "room:*": ["read"] }) } });
// @ts-expect-error: a topic has a list of them
socket({ auth: { verifier, permissions: () => ({ "room:*": "join" }) } });
// @ts-expect-error: a policy answers at once
socket({ auth: { verifier, permissions: () => async () => true } });
// @ts-expect-error: permissions as they are would be everybody's; a function says so
socket({ auth: { verifier, permissions: { "room:*": ["join"] } } });
// @ts-expect-error: there is no such option
socket({ auth: { verifier, warningLeadS: 60 } });

const permissions: Permissions = { "room:1": ["*"] };
// @ts-expect-error: what a token grants is read, not changed
permissions["room:1"] = [];

endpoint.revoke({ user: "ada" });
endpoint.revoke({ user: "ada", issuedBefore: new Date(0) });
endpoint.revoke({ socketId: "users_socket:ada" });
endpoint.revoke({ tokenId: "t1" });
endpoint.revoke({ issuedBefore: new Date(0) });
expectTypeOf(endpoint.revoke).returns.toBeVoid();
// @ts-expect-error: nothing is named
endpoint.revoke({});
// @ts-expect-error: one at a time
endpoint.revoke({ user: "ada", tokenId: "t1" });
// @ts-expect-error: a token is named by itself
endpoint.revoke({ tokenId: "t1", issuedBefore: new Date(0) });
// @ts-expect-error: seconds or milliseconds? A Date says it
endpoint.revoke({ issuedBefore: 1_700_000_000 });
// @ts-expect-error: there is no such thing to revoke
endpoint.revoke({ users: ["ada"] });

createEndpoint({ sockets: {}, auth: { lifetimeMaxS: 3_600, replay: { delayMs: 100 } } });
// @ts-expect-error: there is no such option
createEndpoint({ sockets: {}, auth: { replay: { delay: 100 } } });

socket().channel({
  join: () => ok(),
  terminate: (_ch, reason) => {
    expectTypeOf(reason).toEqualTypeOf<TerminateReason>();
    if (reason.kind === "permission_lost") return;
  },
});
