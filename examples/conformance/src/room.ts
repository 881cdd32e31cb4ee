import { accept, error, event, ok, type Payload, reply, socket, stop } from "simurgh";

/** Anybody may connect; `user` in the params gives the connection an id. */
export const clients = socket({
  connect: ({ params }) => accept({ user: typeof params.user === "string" ? params.user : undefined }),
  id: ({ assigns }) => assigns.user && `user:${assigns.user}`,
});

/** The channel of the golden transcripts: one event for each thing that the wire can carry. */
export const room = clients.channel({
  events: {
    shout: event<object>(),
    secret: event<object>(),
    n: event<{ i: number }>(),
    thumb: event<Uint8Array>(),
    frame: event<Uint8Array>(),
  },
  join(ch) {
    if (ch.topic === "room:denied") return error({ reason: "unauthorized" });
    if (ch.topic === "room:raise") throw new Error("the join of room:raise");
    return ok();
  },
  in: {
    ping: (_ch, payload) => ok(payload),
    shout(ch, payload) {
      ch.broadcast("shout", toObject(payload));
    },
    shout_from(ch, payload) {
      ch.broadcastFrom("shout", toObject(payload));
    },
    secret(ch, payload) {
      ch.broadcast("secret", toObject(payload));
    },
    push1(ch) {
      ch.push("n", { i: 1 });
      return ok();
    },
    q: () => reply("queued", [1, 2]),
    stop: () => stop("normal", ok({ bye: true })),
    fail: () => stop("broken", ok({ bye: true })),
    crash() {
      throw new Error("the crash that was asked for");
    },
    chunk(ch) {
      ch.push("thumb", new Uint8Array([0, 1]));
      return ok(new Uint8Array([1, 2, 3, 4]));
    },
    frame(ch) {
      ch.broadcast("frame", new Uint8Array([255]));
    },
  },
  out: {
    secret(ch, payload) {
      ch.push("secret", { ...payload, for: "u" });
    },
  },
});

/** Broadcasts are objects; of anything else the transcripts know nothing. */
function toObject(payload: Payload): object {
  return typeof payload === "object" && payload !== null ? payload : {};
}
