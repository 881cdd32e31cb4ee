import { describe, expect, it } from "vitest";
import type { AutoscalePolicyInput } from "../../src/core/autoscale/policy.js";
import { AutoscaledFleet, NotingDriver, quickPolicy } from "../support/autoscaled-fleet.js";

async function fleetOf(...names: readonly string[]) {
  const fleet = new AutoscaledFleet();
  const drivers: NotingDriver[] = [];
  for (const name of names) drivers.push(await fleet.start(name));
  const [first, second] = drivers;
  if (first === undefined || second === undefined) throw new Error("a fleet has two nodes at least");
  return { fleet, first, second };
}

describe("the autoscaler of a fleet", () => {
  it("decides on the node that leads, and on no other", async () => {
    const { fleet, first, second } = await fleetOf("n1", "n2");
    await fleet.advance(5_000);
    expect(first.orders.length).toBeGreaterThan(2);
    expect(second.orders).toEqual([]);
  });

  it("orders more nodes once, while those are on their way", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    fleet.load(0.9);
    await fleet.advance(6_000);
    expect(first.changes, "two nodes that need 1.8 of 0.5 each make four").toEqual(["add 4"]);
    for (const name of ["n3", "n4"]) {
      fleet.busy.set(name, 0.1);
      await fleet.start(name);
    }
    await fleet.advance(3_000);
    expect(first.changes).toEqual(["add 4"]);
  });

  it("orders them anew when they do not come", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    fleet.load(0.9);
    await fleet.advance(20_000);
    expect(first.changes).toEqual(["add 4"]);
    await fleet.advance(5_000);
    expect(first.changes).toEqual(["add 4", "add 4"]);
  });

  it("orders again at once when a node is lost after all had come", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    fleet.load(0.9);
    await fleet.advance(3_000);
    for (const name of ["n3", "n4"]) {
      fleet.busy.set(name, 0.1);
      await fleet.start(name);
    }
    await fleet.advance(2_000);
    fleet.lan.crash("n4");
    await fleet.advance(2_000);
    expect(first.changes).toEqual(["add 4", "add 4"]);
  });

  it("sends one node away, and not another while that goes", async () => {
    const { fleet, first } = await fleetOf("n1", "n2", "n3");
    fleet.load(0.1);
    await fleet.advance(5_000);
    expect(first.changes, "it has not begun to drain, and counts as if it had").toEqual(["drain n1"]);
  });

  it("lets go on who drains when the load is back, where the driver can", async () => {
    const fleet = new AutoscaledFleet();
    const driver = await fleet.start("n1", quickPolicy, new NotingDriver(true));
    for (const name of ["n2", "n3"]) await fleet.start(name);
    fleet.busy.set("n1", 0.3);
    fleet.busy.set("n2", 0.2);
    fleet.busy.set("n3", 0.2);
    await fleet.advance(3_000);
    const [victim] = driver.changes;
    expect(victim).toBe("drain n1");
    fleet.load(0.9);
    await fleet.advance(2_000);
    expect(driver.orders.find(({ action }) => action.kind === "keep")?.action).toMatchObject({
      names: ["n1"],
    });
  });

  it("does not shrink while a node that the engine reaches says nothing of itself", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    const { clock, logger } = fleet;
    const random = { fraction: () => 0, bytes: (length: number) => new Uint8Array(length) };
    const host = { nodeName: "n9", clock, random, logger, deliver: () => {}, changed: () => {} };
    await fleet.lan.adapter().start(host);
    fleet.load(0.1);
    await fleet.advance(5_000);
    expect(first.changes).toEqual([]);
    expect(first.orders.at(-1)?.restraints).toContain("unmeasured");
  });

  it("shows the last decision with its reasons on any node", async () => {
    const { fleet } = await fleetOf("n1", "n2");
    fleet.load(0.9);
    await fleet.advance(3_500);
    const shown = fleet.core("n2").autoscaler?.report();
    expect(shown).toMatchObject({
      leader: "n1",
      ageMs: 500,
      driver: { kind: "noting", failures: 0, fault: undefined },
    });
    expect(shown?.decision).toEqual(fleet.core("n1").autoscaler?.report().decision);
    expect(shown?.decision?.wishes[0]).toMatchObject({ signal: "eventLoop", usage: 0.9, nodes: 4 });
  });

  it("goes on from the leader's history on the next one", async () => {
    const policy: AutoscalePolicyInput = {
      ...quickPolicy,
      signals: { eventLoop: { capacity: 1, target: 0.1 } },
      scaleOut: { ...quickPolicy.scaleOut, coolDownMs: 60_000 },
      scaleIn: { stabilisationMs: 60_000 },
    };
    const fleet = new AutoscaledFleet();
    const first = await fleet.start("n1", policy);
    const second = await fleet.start("n2", policy);
    fleet.load(0.4);
    await fleet.advance(3_000);
    expect(first.changes).toEqual(["add 8"]);
    fleet.lan.crash("n1");
    fleet.load(1);
    await fleet.advance(15_000);
    expect(second.changes, "the rest that began with the leader before is not over").toEqual([]);
    expect(second.orders.at(-1)?.restraints).toEqual(["max_nodes", "cool_down"]);
  });

  it("does not let one decide who has just come, before he knows the others", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    await fleet.advance(3_000);
    const newcomer = await fleet.start("n0", { ...quickPolicy, minNodes: 3 });
    await fleet.advance(1_900);
    expect(newcomer.changes).toEqual([]);
    expect(first.changes).toEqual([]);
  });

  it("bears two leaders: each gives absolute numbers", async () => {
    const { fleet, first, second } = await fleetOf("n1", "n2");
    await fleet.advance(2_000);
    fleet.lan.cut("n1", "n2");
    fleet.load(0.9);
    await fleet.advance(15_000);
    expect(new Set(first.changes)).toEqual(new Set(["add 2"]));
    expect(new Set(second.changes)).toEqual(new Set(["add 2"]));
  });
});

describe("a scale driver that fails", () => {
  it("is logged once, counted, and told the next decision", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    first.fault = new Error("no room");
    fleet.load(0.9);
    await fleet.advance(5_000);
    expect(first.changes.length, "nothing counts as ordered").toBeGreaterThanOrEqual(3);
    expect(new Set(first.changes)).toEqual(new Set(["add 4"]));
    expect(fleet.logger.at("error")).toEqual(["scale driver failed, the fleet stays as it is"]);
    const { driver, decision } = fleet.core("n2").autoscaler?.report() ?? {};
    expect(driver).toMatchObject({ failures: first.orders.length, fault: "no room" });
    expect(decision?.desired, "what was decided is shown all the same").toBe(4);
    first.fault = undefined;
    await fleet.advance(3_000);
    expect(fleet.logger.at("info")).toContain("scale driver works again");
    expect(fleet.core("n2").autoscaler?.report().driver.fault).toBeUndefined();
    expect(fleet.logger.at("error").length).toBe(1);
  });

  it("is not called again while it is at work, and that is said", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    let release = () => {};
    first.pause = new Promise((resolve) => {
      release = resolve;
    });
    await fleet.advance(6_000);
    expect(first.orders.length).toBe(1);
    expect(fleet.logger.at("warn")).toEqual(["scale driver is slow"]);
    release();
    await fleet.advance(1_000);
    expect(first.orders.length).toBe(2);
  });

  it("is closed with the node, and hears nothing more", async () => {
    const { fleet, first } = await fleetOf("n1", "n2");
    await fleet.advance(3_000);
    await fleet.core("n1").stop();
    const heard = first.orders.length;
    await fleet.advance(5_000);
    expect([first.closes, first.orders.length]).toEqual([1, heard]);
  });
});

describe("messages on the topic of the autoscaler", () => {
  const junk = ["", "{}", "[1]", '{"leader":1}', '{"leader":"n0","decision":null}', "\u0000"];

  it.each(junk)("that are no decision are counted and change nothing: %j", async (text) => {
    const { fleet } = await fleetOf("n1", "n2");
    await fleet.advance(3_000);
    const before = fleet.core("n2").autoscaler?.report();
    fleet.core("n1").pubsub.broadcast("phx_fleet:autoscale", "decision", Buffer.from(text));
    expect(fleet.core("n2").autoscaler?.faults).toBe(1);
    expect(fleet.core("n2").autoscaler?.report()).toEqual(before);
  });
});
