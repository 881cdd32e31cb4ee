import { describe, expect, it } from "vitest";
import type { ConnectRequest } from "../../src/runtime/connect-request.js";
import type { MountOptions } from "../../src/runtime/endpoint-options.js";
import { accept, refuse, type SocketOptions, socket } from "../../src/runtime/socket-definition.js";
import { handshake, startNode, turn } from "../support/node.js";

type Connect = NonNullable<SocketOptions<object>["connect"]>;

async function decide(connect: Connect, options: Omit<MountOptions, "socket"> = {}, overrides = {}) {
  const node = await startNode(socket({ connect }).routes({}), options);
  return { node, decision: node.mount.connect(handshake(overrides)) };
}

describe("what connect answers", () => {
  it.each([
    ["accepts", () => accept({ user: 1 }), { kind: "accepted", assigns: { user: 1 } }],
    ["accepts later", async () => accept({ user: 1 }), { kind: "accepted", assigns: { user: 1 } }],
    ["refuses", () => refuse(), { kind: "refused", answer: { status: 403 } }],
    ["refuses later", async () => refuse("why"), { kind: "refused", answer: { status: 403 } }],
    ["throws", () => throwNo(), { kind: "refused", answer: { status: 500 } }],
    ["rejects", () => Promise.reject(new Error("no")), { kind: "refused", answer: { status: 500 } }],
    ["answers nothing", () => undefined as never, { kind: "refused", answer: { status: 500 } }],
    ["answers no answer", () => ({ kind: "yes" }) as never, { kind: "refused", answer: { status: 500 } }],
  ] as [string, Connect, object][])("decides: %s", async (_how, connect, expected) => {
    const { node, decision } = await decide(connect);
    expect(await decision).toMatchObject(expected);
    expect(node.clock.pending, "no timer is left but the idle sweeps").toBe(1);
  });

  function throwNo(): never {
    throw new Error("no");
  }

  it("is asked for at once, and costs no promise, when connect gives it at once", async () => {
    const { decision } = await decide(() => accept());
    expect(decision).not.toBeInstanceOf(Promise);
  });

  it("is 503 when it takes too long, whatever comes of it afterwards", async () => {
    let answer: (verdict: ReturnType<typeof accept>) => void = () => {};
    const slow = new Promise<ReturnType<typeof accept>>((resolve) => {
      answer = resolve;
    });
    const { node, decision } = await decide(() => slow, { connectTimeoutMs: 500 });
    await node.clock.advance(499, turn);
    await node.clock.advance(1, turn);
    answer(accept());
    expect(await decision).toMatchObject({ kind: "refused", answer: { status: 503 } });
    expect(node.logger.at("warn")).toEqual(["connect took too long"]);
  });

  it("goes with its reason through the error handler, which may fail", async () => {
    const seen: unknown[] = [];
    const errorHandler = (reason: unknown, { params }: ConnectRequest) => {
      seen.push(reason, params.vsn);
      return { status: 429, headers: { "retry-after": "5" }, body: "later" };
    };
    const { decision } = await decide(() => refuse({ limit: 5 }), { errorHandler });
    expect(await decision).toEqual({
      kind: "refused",
      answer: { status: 429, headers: { "retry-after": "5" }, body: "later" },
    });
    expect(seen).toEqual([{ limit: 5 }, "2.0.0"]);
    const failing = await decide(() => refuse("x"), { errorHandler: throwNo });
    expect(await failing.decision).toMatchObject({ answer: { status: 500 } });
    expect(failing.node.logger.at("error")).toEqual(["connect crashed"]);
  });
});

describe("the params that connect decides by", () => {
  async function paramsOf(query: string): Promise<ConnectRequest["params"]> {
    let params: ConnectRequest["params"] = {};
    const connect: Connect = (request) => {
      params = request.params;
      return accept();
    };
    const { decision } = await decide(connect, {}, { target: `/socket/websocket?vsn=2.0.0&${query}` });
    expect(await decision).toMatchObject({ kind: "accepted" });
    return params;
  }

  it("have no prototype, so that no key is special", async () => {
    const params = await paramsOf("__proto__[admin]=1&constructor=2&a[__proto__][b]=3&toString=4");
    expect(Object.keys(params)).toEqual(["vsn", "__proto__", "constructor", "a", "toString"]);
    expect(Object.getPrototypeOf(params)).toBeNull();
    expect(({} as { admin?: string }).admin).toBeUndefined();
  });

  it.each([
    ["%E0%A4%A", { "%E0%A4%A": "" }],
    ["a=%", { a: "%" }],
    ["&&&=&=1", { "": "1" }],
    ["a[=1&]a[=2", { "a[": "1", "]a[": "2" }],
    [`a${"[x]".repeat(100)}=1`, { [`a${"[x]".repeat(100)}`]: "1" }],
  ])("take what is malformed as it came: %s", async (query, expected) => {
    const { vsn, ...rest } = await paramsOf(query);
    expect(vsn).toBe("2.0.0");
    expect(rest).toEqual(expected);
  });
});
