/** Programs that must compile, and programs that must not. `tsc -p test/tsconfig.json` is their runner. */
import { expectTypeOf } from "vitest";
import { z } from "zod";
import {
  accept,
  type Endpoint,
  error,
  event,
  ok,
  type Payload,
  refuse,
  reply,
  route,
  socket,
  stop,
} from "../../src/index.js";

const users = socket({
  connect: async ({ params }) =>
    typeof params.user === "string"
      ? accept({ user: params.user, role: "guest" as "guest" | "admin" })
      : refuse(),
  id: ({ assigns }) => {
    expectTypeOf(assigns).toEqualTypeOf<{ user: string; role: "guest" | "admin" }>();
    return `user:${assigns.user}`;
  },
});

interface Typing {
  user: string;
}

const room = users.channel({
  params: z.object({ since: z.coerce.date() }),
  payloads: {
    new_msg: z.object({ body: z.string() }).transform(({ body }) => ({ body, length: body.length })),
  },
  events: {
    new_msg: event<{ body: string; from: string }>(),
    typing: event<Typing>(),
    blob: event<Uint8Array>(),
  },
  assigns: () => ({ sent: 0 }),
  join: (ch, params) => {
    expectTypeOf(params).toEqualTypeOf<{ since: Date }>();
    expectTypeOf(ch.assigns.user).toBeString();
    expectTypeOf(ch.assigns.sent).toBeNumber();
    return ch.assigns.role === "admin" ? ok({ hello: ch.topic }) : error({ reason: "unauthorized" });
  },
  afterJoin: (ch, { since }) => ch.push("new_msg", { body: since.toISOString(), from: ch.assigns.user }),
  in: {
    new_msg: (ch, payload) => {
      expectTypeOf(payload).toEqualTypeOf<{ body: string; length: number }>();
      ch.assigns.sent += payload.length;
      ch.broadcast("new_msg", { body: payload.body, from: ch.assigns.user });
      ch.broadcastFrom("typing", { user: ch.assigns.user });
      ch.push("blob", new Uint8Array(1));
    },
    ping: (_ch, payload) => {
      expectTypeOf(payload).toEqualTypeOf<Payload>();
      return ok(payload);
    },
    later: async (ch) => {
      const ref = ch.socketRef();
      ref?.reply(reply("done", [1, 2]));
      return stop("normal", ok());
    },
    bytes: () => ok(new Uint8Array(2)),
    nothing: () => {},
  },
  out: {
    new_msg: (ch, payload) => {
      expectTypeOf(payload).toEqualTypeOf<{ body: string; from: string }>();
      if (payload.from !== ch.assigns.user) ch.push("new_msg", payload);
    },
  },
  info: (_ch, message) => {
    expectTypeOf(message).toBeUnknown();
  },
  terminate: (ch, reason) => {
    if (reason.kind === "stopped") expectTypeOf(reason.reason).toBeString();
    if (reason.kind === "crashed") expectTypeOf(reason.error).toBeUnknown();
    // @ts-expect-error: there is no such reason
    if (reason.kind === "bored") ch.stop();
  },
});

/** A channel that declares nothing takes any event with any object. */
const free = socket().channel({
  join: () => ok(),
  in: {
    go: (ch) => {
      ch.push("anything", { a: [1] });
      ch.push("anything", new Uint8Array(1));
      const typing: Typing = { user: "ann" };
      ch.broadcast("anything", typing);
      // @ts-expect-error: a list is no object on the wire
      ch.push("anything", [1, 2]);
      // @ts-expect-error: nor is a text
      ch.push("anything", "text");
      // @ts-expect-error: nor a Map, which JSON writes as nothing
      ch.broadcast("anything", new Map([["a", 1]]));
      // @ts-expect-error: nor a function
      ch.broadcastFrom("anything", () => 1);
      // @ts-expect-error: this socket assigns nothing
      return ok({ user: ch.assigns.user });
    },
  },
});

users.channel({
  events: { new_msg: event<{ body: string }>() },
  join: () => ok(),
  in: {
    wrong: (ch) => {
      // @ts-expect-error: no such event is declared
      ch.push("new_mgs", { body: "x" });
      // @ts-expect-error: its payload has another type
      ch.push("new_msg", { body: 5 });
      // @ts-expect-error: its payload lacks a field
      ch.broadcast("new_msg", {});
      // @ts-expect-error: its payload has a field too many
      ch.broadcastFrom("new_msg", { body: "x", extra: 1 });
      // @ts-expect-error: nobody assigned this
      ch.assigns.password;
      // @ts-expect-error: a role that there is not
      ch.assigns.role = "king";
      // @ts-expect-error: the topic is what it is
      ch.topic = "room:2";
    },
  },
});

users.channel({
  join: () => ok(),
  // @ts-expect-error: this event is not declared, and that one has another payload
  out: { unknown: () => {}, new_msg: (_ch, payload: { body: number }) => payload },
  events: { new_msg: event<{ body: string }>() },
});

// A handler answers with ok, error, reply, stop or nothing.
users.channel({
  join: () => ok(),
  in: {
    // @ts-expect-error: an object is no reply
    object: () => ({ status: "ok" }),
    // @ts-expect-error: nor is a text
    text: () => "ok",
    // @ts-expect-error: nor null
    nothing: () => null,
    // @ts-expect-error: also when it comes later
    later: async () => 5,
    // @ts-expect-error: the status is a text
    status: () => reply(5),
    // @ts-expect-error: the reason is a text
    reason: () => stop(5),
    // @ts-expect-error: what a stop replies is a reply
    stopped: () => stop("normal", { bye: true }),
    // @ts-expect-error: JSON has no such number
    big: () => ok(1n),
    // @ts-expect-error: nothing is not a response: `ok()` is
    undefined: () => ok(undefined),
    // @ts-expect-error: a function is none either
    call: () => error(() => 1),
  },
});

users.channel({
  payloads: { new_msg: z.object({ body: z.string() }) },
  join: () => ok(),
  in: {
    // @ts-expect-error: the schema gives another payload
    new_msg: (_ch, payload: { body: number }) => ok(payload.body),
  },
});

// @ts-expect-error: a join must answer
users.channel({ join: () => {} });
// @ts-expect-error: with a reply, not with anything
users.channel({ join: () => true });
// @ts-expect-error: a channel has a join
users.channel({ in: { ping: () => ok() } });
// @ts-expect-error: there is no such callback
users.channel({ join: () => ok(), handleIn: () => ok() });
// @ts-expect-error: params are what the schema makes of them
users.channel({ params: z.object({ n: z.number() }), join: (_ch, { n }) => ok(n.length) });

// A socket routes to channels that were written for it, or for less.
users.routes({ "room:*": room, "free:*": free, "vip:*": route(room, { role: "admin", sent: 5 }) });
// @ts-expect-error: this channel was written for a socket with other assigns
socket().routes({ "room:*": room });
// @ts-expect-error: also when its route assigns something
socket().routes({ "room:*": route(room, { role: "admin" }) });
// @ts-expect-error: a route assigns what there is
route(room, { rank: 1 });
// @ts-expect-error: of the type that it has
route(room, { role: "king" });
// @ts-expect-error: options are no channel
users.routes({ "room:*": { join: () => ok() } });

// A socket accepts or refuses.
// @ts-expect-error: a boolean is no answer
socket({ connect: () => true });
// @ts-expect-error: nor is nothing
socket({ connect: () => {} });
// @ts-expect-error: an id is a text
socket({ id: () => 5 });
socket({ id: () => undefined });

const both = socket({
  connect: ({ authToken, params }) =>
    params.guest === "yes"
      ? accept<{ user: string | undefined }>({ user: undefined })
      : accept({ user: authToken }),
});
both.channel({
  join: (ch) => {
    expectTypeOf(ch.assigns.user).toEqualTypeOf<string | undefined>();
    return ok();
  },
});

declare const endpoint: Endpoint;
endpoint.broadcast("room:1", "new_msg", { body: "x" });
// @ts-expect-error: a list is no payload
endpoint.broadcast("room:1", "new_msg", [1]);
// @ts-expect-error: nor is a text
endpoint.localBroadcast("room:1", "new_msg", "x");
