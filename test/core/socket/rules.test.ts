import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ref } from "../../../src/core/protocol/message.js";
import { judge, type Verdict } from "../../../src/core/socket/rules.js";

const NOT_JOINED = undefined;

function verdict(topic: string, event: string, joinRef: Ref, joined: Ref | undefined, count = 1): Verdict {
  return judge({ topic, event, joinRef, ref: "1", payload: {} }, joined, count, 2);
}

describe("what the session does with a message", () => {
  it.each<[string, string, string, Ref, Ref | undefined, Verdict]>([
    ["a heartbeat", "phoenix", "heartbeat", null, NOT_JOINED, "heartbeat"],
    ["a heartbeat, even where its topic is joined", "phoenix", "heartbeat", "9", "1", "heartbeat"],
    ["another event on the heartbeat's topic", "phoenix", "other", null, NOT_JOINED, "unmatched"],
    ["a heartbeat on another topic", "room:1", "heartbeat", null, NOT_JOINED, "unmatched"],
    ["a join", "room:1", "phx_join", "1", NOT_JOINED, "join"],
    ["a join of what is joined", "room:1", "phx_join", "2", "1", "rejoin"],
    ["a join of what is joined, with the same ref", "room:1", "phx_join", "1", "1", "rejoin"],
    ["a leave with the join's ref", "room:1", "phx_leave", "1", "1", "leave"],
    ["a leave without a ref", "room:1", "phx_leave", null, "1", "leave"],
    ["a leave with an older ref", "room:1", "phx_leave", "0", "1", "stale"],
    ["a leave of what is not joined", "room:1", "phx_leave", "1", NOT_JOINED, "already_left"],
    ["an event with the join's ref", "room:1", "ping", "1", "1", "deliver"],
    ["an event without a ref", "room:1", "ping", null, "1", "deliver"],
    ["an event with an older ref", "room:1", "ping", "0", "1", "stale"],
    ["an event with an empty ref", "room:1", "ping", "", "1", "stale"],
    ["an event with the join's ref as a number", "room:1", "ping", 1, "1", "stale"],
    ["an event with a ref where the join had none", "room:1", "ping", "1", null, "stale"],
    ["an event without a ref where the join had none", "room:1", "ping", null, null, "deliver"],
    ["an event of what is not joined", "room:1", "ping", "1", NOT_JOINED, "unmatched"],
  ])("%s", (_what, topic, event, joinRef, joined, wanted) => {
    expect(verdict(topic, event, joinRef, joined)).toBe(wanted);
  });

  it("refuses a join at the limit, but not a join of what is joined", () => {
    expect(verdict("room:3", "phx_join", "1", NOT_JOINED, 2)).toBe("too_many");
    expect(verdict("room:2", "phx_join", "2", "1", 2)).toBe("rejoin");
    expect(verdict("room:3", "phx_join", "1", NOT_JOINED, 1)).toBe("join");
  });

  it("delivers nothing of a topic that is not joined, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (topic, event, joinRef) => {
        const message = { topic, event, joinRef, ref: null, payload: {} } as Parameters<typeof judge>[0];
        expect(["deliver", "leave", "rejoin", "stale"]).not.toContain(judge(message, NOT_JOINED, 0, 1));
      }),
    );
  });
});
