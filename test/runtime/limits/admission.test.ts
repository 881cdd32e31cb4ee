import { afterEach, describe, expect, it } from "vitest";
import type { ConnectDecision } from "../../../src/runtime/connect.js";
import type { NodeLimits } from "../../../src/runtime/limits/node-limits.js";
import { type Accept, accept, socket } from "../../../src/runtime/socket-definition.js";
import { type FakeNode, handshake, startNode, turn } from "../../support/node.js";

let node: FakeNode;
/** Handshakes that `connect` was asked about, in order; each is let in by calling it. */
let asked: { readonly name: string; readonly answer: () => void }[];

async function start(limits: Partial<NodeLimits>, admission = true): Promise<void> {
  asked = [];
  const users = socket({
    connect: ({ params }) =>
      new Promise<Accept<object>>((resolve) => {
        asked.push({ name: String(params.name), answer: () => resolve(accept({})) });
      }),
  });
  const guards = { limits, admission, trustedProxies: undefined };
  node = await startNode(users.routes({}), { guards, connectTimeoutMs: 60_000 });
}

afterEach(() => node.core.stop());

/** A handshake that goes its way. */
function knock(name: string, watch?: (gone: () => void) => () => void): Promise<ConnectDecision> {
  const target = `/socket/websocket?vsn=2.0.0&name=${name}`;
  return Promise.resolve(node.mount.connect(handshake({ target, ...(watch && { watch }) })));
}

const names = () => asked.map(({ name }) => name);
const answer = async (name: string): Promise<void> => {
  asked.find((one) => one.name === name)?.answer();
  await turn();
  await turn();
};

describe("handshakes beyond those under way", () => {
  it("wait, and are let in as others complete, the oldest first", async () => {
    await start({ handshakesMax: 2 });
    const all = ["a", "b", "c", "d", "e"].map((name) => knock(name));
    await turn();
    expect(names()).toEqual(["a", "b"]);
    expect(node.core.counters).toMatchObject({ handshakes_under_way: 2, handshakes_waiting: 3 });
    await answer("b");
    expect(names()).toEqual(["a", "b", "c"]);
    for (const name of ["a", "c", "d", "e"]) await answer(name);
    expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(Array(5).fill("accepted"));
    expect(names()).toEqual(["a", "b", "c", "d", "e"]);
    expect(node.core.counters).toMatchObject({ handshakes_under_way: 0, handshakes_waiting: 0 });
    expect(node.core.counters.queued_handshakes_total).toBe(3);
  });

  it("do not overtake those who wait", async () => {
    await start({ handshakesMax: 1 });
    void knock("a");
    void knock("b");
    await answer("a");
    void knock("c");
    await turn();
    expect(names()).toEqual(["a", "b"]);
  });

  it("are refused with 503 and a time to come back when too many wait", async () => {
    await start({ handshakesMax: 1, handshakeQueueMax: 1 });
    void knock("a");
    void knock("b");
    const decision = await knock("c");
    expect(decision).toEqual({ kind: "refused", answer: { status: 503, headers: { "retry-after": "2" } } });
    expect(node.core.counters.refused_handshakes_total).toBe(1);
    expect(node.logger.lines.map(({ fields }) => fields.limit)).toEqual(["handshakeQueueMax"]);
  });

  it("are refused with 503 when they have waited too long", async () => {
    await start({ handshakesMax: 1, handshakeWaitMs: 5_000 });
    void knock("a");
    const late = knock("b");
    await node.clock.advance(4_000);
    const later = knock("c");
    await node.clock.advance(1_500);
    expect(await late).toMatchObject({ kind: "refused", answer: { status: 503 } });
    await answer("a");
    await answer("c");
    expect((await later).kind).toBe("accepted");
    expect(node.core.counters.expired_handshakes_total).toBe(1);
    await node.clock.advance(1_000);
    expect(node.clock.pending, "the sweep ends with the queue").toBe(1);
  });

  it("are forgotten when their client goes away", async () => {
    await start({ handshakesMax: 1, handshakeQueueMax: 1 });
    void knock("a");
    let leave = (): void => {};
    let watched = false;
    const gone = knock("b", (tell) => {
      leave = tell;
      watched = true;
      return () => (watched = false);
    });
    leave();
    await gone;
    expect(watched).toBe(false);
    void knock("c");
    await answer("a");
    expect(names()).toEqual(["a", "c"]);
  });

  it("are sent away when the node stops", async () => {
    await start({ handshakesMax: 1 });
    void knock("a");
    const waiting = knock("b");
    await node.core.stop();
    expect(await waiting).toMatchObject({ kind: "refused", answer: { status: 503 } });
    expect(await knock("c")).toMatchObject({ kind: "refused", answer: { status: 503 } });
  });

  it("are refused at once without admission", async () => {
    await start({ handshakesMax: 2 }, false);
    void knock("a");
    void knock("b");
    expect(await knock("c")).toMatchObject({ kind: "refused", answer: { status: 503 } });
    await answer("a");
    void knock("d");
    expect(names()).toEqual(["a", "b", "d"]);
  });
});

describe("a crowd whose `connect` answers at once", () => {
  it("is let in a slice at a time, in order", async () => {
    const order: string[] = [];
    const users = socket({
      connect: ({ params }) => {
        order.push(String(params.name));
        return accept({});
      },
    });
    node = await startNode(users.routes({}));
    const crowd = Array.from({ length: 2_000 }, (_, i) => String(i));
    const decisions = crowd.map((name) => knock(name));
    expect(order.length).toBeLessThan(100);
    expect((await Promise.all(decisions)).every(({ kind }) => kind === "accepted")).toBe(true);
    expect(order).toEqual(crowd);
  });
});

describe("a handshake whose origin check throws", () => {
  it("gives its turn back", async () => {
    const checkOrigin = (): boolean => {
      throw new Error("no");
    };
    const guards = { limits: { handshakesMax: 1 }, admission: undefined, trustedProxies: undefined };
    node = await startNode(socket().routes({}), { guards, checkOrigin });
    for (let i = 0; i < 3; i++) {
      const headers = { host: "a.example", origin: "http://a.example" };
      await expect(async () => node.mount.connect(handshake({ headers }))).rejects.toThrow("no");
      await turn();
    }
    expect(node.core.counters.handshakes_under_way).toBe(0);
  });
});
