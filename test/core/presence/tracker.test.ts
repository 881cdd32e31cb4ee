import { describe, expect, test } from "vitest";
import { alone, type Cluster, met, node } from "./cluster.js";
import { rid } from "./support.js";

function views(cluster: Cluster): string[][] {
  return [...cluster.nodes.values()].map((each) => each.refs());
}

/** Both directions between the given nodes are cut. */
function cut(cluster: Cluster, ...names: string[]): void {
  cluster.fate = (from, to) => (names.includes(from) === names.includes(to) ? [1] : []);
}

describe("changes", () => {
  test("reach the others within the flush window, many in one message and one diff", () => {
    const cluster = met(["a", "b"], { flushMs: 20 });
    for (let i = 0; i < 50; i++) cluster.track("a", `k${i}`);
    cluster.pass(19);
    expect(node(cluster, "b").refs()).toEqual([]);
    cluster.pass(2);
    expect(node(cluster, "b").refs()).toHaveLength(50);
    expect(node(cluster, "a").sent("delta")).toHaveLength(1);
    expect(node(cluster, "b").log.filter(({ effect }) => effect.type === "diff")).toHaveLength(1);
  });

  test("that undo each other within the flush window are never seen elsewhere", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.untrack("a", "k");
    cluster.pass(5_000);
    expect(node(cluster, "b").log.some(({ effect }) => effect.type === "diff")).toBe(false);
  });

  test("too large for one message leave in several, which may arrive in any order", () => {
    const cluster = met(["a", "b"], { messageBytesMax: 10_000 });
    let delay = 20;
    cluster.fate = () => [--delay];
    for (let i = 0; i < 500; i++) cluster.track("a", `k${i}`);
    cluster.pass(50);
    expect(node(cluster, "a").sent("delta").length).toBeGreaterThan(4);
    expect(node(cluster, "b").refs()).toEqual(node(cluster, "a").refs());
    expect(node(cluster, "b").sent("request", 101)).toEqual([]);
  });

  test("of more removals than the log keeps leave as everything, in slices too", () => {
    const cluster = met(["a", "b"], { messageBytesMax: 10_000, deltaLogMax: 10 });
    for (let i = 0; i < 600; i++) cluster.track("a", `k${i}`);
    cluster.pass(100);
    for (let i = 0; i < 600; i += 3) cluster.untrack("a", `k${i}`);
    for (let i = 0; i < 50; i++) cluster.track("a", `new${i}`);
    cluster.pass(100);
    expect(node(cluster, "b").refs()).toEqual(node(cluster, "a").refs());
    expect(node(cluster, "b").sent("request", 101)).toEqual([]);
  });

  test("that were lost are asked for soon after the next sign of them", () => {
    const cluster = met(["a", "b"], { repairMs: 200 });
    cluster.fate = () => [];
    cluster.track("a", "lost");
    cluster.pass(30);
    cluster.fate = () => [1];
    cluster.track("a", "next");
    cluster.pass(30);
    expect(node(cluster, "b").refs()).toHaveLength(1);
    cluster.pass(210);
    expect(node(cluster, "b").refs()).toEqual(node(cluster, "a").refs());
  });

  test("of which no other sign follows are asked for after the next heartbeat", () => {
    const cluster = met(["a", "b"]);
    cluster.pass(2_000);
    cluster.fate = () => [];
    cluster.track("a", "lost");
    cluster.pass(30);
    cluster.fate = () => [1];
    cluster.pass(1_500 + 250 + 10);
    expect(node(cluster, "b").refs()).toEqual(node(cluster, "a").refs());
  });

  test("are asked of one replica only when several know them", () => {
    const cluster = met(["a", "b", "c", "d"]);
    cluster.fate = (_, to) => (to === "d" ? [] : [1]);
    cluster.track("a", "k");
    cluster.pass(50);
    cluster.fate = () => [1];
    const before = cluster.now;
    cluster.pass(6_000);
    expect(node(cluster, "d").refs()).toEqual(node(cluster, "a").refs());
    expect(node(cluster, "d").sent("request", before)).toHaveLength(1);
  });

  test("cause no requests when nothing is lost", () => {
    const cluster = met(["a", "b", "c"]);
    const before = cluster.now;
    for (let i = 0; i < 200; i++) {
      cluster.track("a", `a${i}`);
      cluster.track("b", `b${i}`);
      if (i > 3) cluster.untrack("a", `a${i - 3}`);
      cluster.pass(37);
    }
    cluster.pass(20_000);
    for (const name of ["a", "b", "c"]) expect(node(cluster, name).sent("request", before)).toEqual([]);
    expect(new Set(views(cluster).map(String)).size).toBe(1);
  });
});

describe("heartbeats", () => {
  test("are rare while nothing changes", () => {
    const cluster = met(["a", "b"]);
    const before = cluster.now;
    cluster.pass(165_000);
    expect(node(cluster, "a").sent("heartbeat", before)).toHaveLength(10);
  });

  test("leave out replicas that are down", () => {
    const cluster = met(["a", "b", "c"]);
    cluster.track("c", "k");
    cluster.pass(100);
    cluster.kill("c");
    cluster.pass(100_000);
    expect(node(cluster, "a").statuses()).toContain("c down");
    const clocks = node(cluster, "a").sent("heartbeat").at(-1)?.clocks;
    expect([...(clocks?.keys() ?? [])].sort()).toEqual([
      node(cluster, "a").tracker.self,
      node(cluster, "b").tracker.self,
    ]);
  });
});

describe("a node that starts", () => {
  test("knows everybody within a second, and is known", () => {
    const cluster = met(["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) for (let i = 0; i < 20; i++) cluster.track(name, `${name}${i}`);
    cluster.pass(60_000);
    const late = cluster.start("d", 0.9);
    cluster.pass(10);
    cluster.track("d", "d0");
    cluster.pass(500);
    expect(late.refs()).toHaveLength(61);
    expect(views(cluster).every((refs_) => refs_.length === 61)).toBe(true);
    expect(late.sent("request")).toHaveLength(1);
  });

  test("is sent many entries in slices, each asked for when the one before was taken", () => {
    const cluster = met(["a"], { messageBytesMax: 10_000 });
    for (let i = 0; i < 500; i++) cluster.track("a", `k${i}`);
    cluster.pass(100);
    const late = cluster.start("b");
    cluster.pass(2_000);
    expect(late.refs()).toEqual(node(cluster, "a").refs());
    const transfers = node(cluster, "a").sent("transfer");
    expect(transfers.length).toBeGreaterThan(5);
    expect(late.sent("request")).toHaveLength(transfers.length);
    expect(transfers.filter(({ more }) => !more)).toHaveLength(1);
  });

  test("is sent nothing of its own, and nothing of replicas that it does not know", () => {
    const cluster = met(["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) cluster.track(name, name);
    cluster.pass(100);
    const [a, b] = [node(cluster, "a"), node(cluster, "b")];
    const known = new Map([a, b].map(({ tracker }) => [tracker.self, { clock: 0, cursor: undefined }]));
    cluster.inject("a", { type: "request", from: b.tracker.self, known });
    const answered = a
      .sent("transfer")
      .at(-1)
      ?.fragments.map(({ replica }) => replica);
    expect(answered).toEqual([a.tracker.self]);
  });

  test("again takes the place of its former self at once", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "old");
    cluster.pass(100);
    cluster.kill("a");
    cluster.start("a");
    cluster.track("a", "new");
    cluster.pass(100);
    expect([...node(cluster, "b").tracker.topics.list("t").keys()]).toEqual(["new"]);
    expect(node(cluster, "b").statuses()).toEqual(["a up", "a permdown", "a up"]);
  });
});

describe("a node that is silent", () => {
  test("is down after the down period: its entries are left, hidden, and kept", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.pass(100);
    cluster.kill("a");
    cluster.pass(28_000);
    expect(node(cluster, "b").refs()).toHaveLength(1);
    cluster.pass(4_000);
    expect(node(cluster, "b").refs()).toEqual([]);
    expect(node(cluster, "b").tracker.topics.count("t")).toEqual({ keys: 0, metas: 0 });
    expect([...node(cluster, "b").tracker.state.views()]).toHaveLength(2);
  });

  test("is forgotten after the permdown period", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.pass(100);
    cluster.kill("a");
    cluster.pass(1_202_000);
    expect(node(cluster, "b").statuses()).toEqual(["a up", "a down", "a permdown"]);
    expect([...node(cluster, "b").tracker.state.views()]).toHaveLength(1);
  });

  test("is down sooner when the engine lost the way to it", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.pass(100);
    cluster.kill("a");
    cluster.on("b", (tracker, now) => tracker.nodeLost("a", now));
    cluster.pass(6_600);
    expect(node(cluster, "b").refs()).toEqual([]);
  });

  test("is up again with the same refs after a partition, and what changed follows", () => {
    const cluster = met(["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) cluster.track(name, name);
    cluster.pass(100);
    cut(cluster, "c");
    cluster.pass(35_000);
    expect([...node(cluster, "a").tracker.topics.list("t").keys()]).toEqual(["a", "b"]);
    expect([...node(cluster, "c").tracker.topics.list("t").keys()]).toEqual(["c"]);
    cluster.untrack("a", "a");
    cluster.track("c", "c2");
    cluster.pass(5_000);
    cluster.fate = () => [1];
    cluster.pass(20_000);
    expect(new Set(views(cluster).map(String)).size).toBe(1);
    expect(node(cluster, "a").refs()).toHaveLength(3);
    expect(node(cluster, "b").statuses().slice(2)).toEqual(["c down", "c up"]);
  });

  test("of a healed partition agrees within a second when the engine tells of the way", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "x");
    cluster.pass(100);
    cut(cluster, "b");
    cluster.pass(40_000);
    cluster.track("a", "y");
    cluster.untrack("a", "x");
    cluster.pass(10_000);
    cluster.fate = () => [1];
    cluster.on("a", (tracker) => tracker.announce());
    cluster.pass(500);
    expect(node(cluster, "b").refs()).toEqual(node(cluster, "a").refs());
  });
});

describe("a frozen node", () => {
  test("does not take its own pause for the silence of the others", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.track("b", "l");
    cluster.pass(100);
    cluster.freeze("b");
    cluster.pass(100_000);
    expect(node(cluster, "a").refs()).toHaveLength(1);
    cluster.thaw("b");
    cluster.pass(3_000);
    expect(node(cluster, "b").statuses()).toEqual(["a up"]);
    expect(node(cluster, "a").statuses()).toEqual(["b up", "b down", "b up"]);
    expect(new Set(views(cluster).map(String)).size).toBe(1);
  });
});

describe("an orderly stop", () => {
  test("by default leaves the entries to the down period", () => {
    const cluster = met(["a", "b"]);
    cluster.track("a", "k");
    cluster.stop("a");
    cluster.pass(20_000);
    expect(node(cluster, "b").refs()).toHaveLength(1);
    cluster.pass(15_000);
    expect(node(cluster, "b").refs()).toEqual([]);
  });

  test("with permdownOnShutdown makes peers drop the entries at once, and late messages do not bring them back", () => {
    const cluster = met(["a", "b"], { permdownOnShutdown: true });
    cluster.track("a", "k");
    cluster.pass(100);
    const late = node(cluster, "a").sent("heartbeat")[0];
    cluster.stop("a");
    cluster.pass(10);
    expect(node(cluster, "b").refs()).toEqual([]);
    if (late !== undefined) cluster.inject("b", late);
    expect(node(cluster, "b").statuses()).toEqual(["a up", "a permdown"]);
    expect([...node(cluster, "b").tracker.state.views()]).toHaveLength(1);
  });

  test("flushes what was not sent, and answers nobody after it", () => {
    const tracker = alone();
    tracker.track(1, "t", "k", {}, 0);
    tracker.stop();
    expect(tracker.takeEffects().map(({ type }) => type)).toEqual(["diff", "broadcast"]);
    tracker.receive({ type: "heartbeat", from: rid("b"), clocks: new Map() }, 1);
    tracker.announce();
    tracker.tick(50_000);
    expect([tracker.takeEffects(), tracker.nextDueAt]).toEqual([[], undefined]);
  });
});
