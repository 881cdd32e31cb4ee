import { describe, expect, it } from "vitest";
import { negotiateVsn } from "../../../src/core/protocol/vsn.js";

describe("negotiating the version of the wire", () => {
  it.each([
    [undefined, 1],
    ["1.0.0", 1],
    ["1.0.7", 1],
    ["2.0.0", 2],
    ["2.0.1", 2],
    ["2.0.123456789", 2],
  ] as const)("takes %j as V%d", (vsn, wanted) => {
    expect(negotiateVsn(vsn)).toBe(wanted);
  });

  it.each([
    "",
    "2",
    "2.0",
    "2.1.0",
    "1.1.0",
    "3.0.0",
    "0.0.0",
    "2.0.0-rc",
    "2.0.0+build",
    "02.0.0",
    "2.0.00",
    " 2.0.0",
    "2.0.0\n",
    "v2.0.0",
    "2.0.1234567890",
  ])("refuses %j", (vsn) => {
    expect(negotiateVsn(vsn)).toBeUndefined();
  });

  it.each([[["2.0.0"]], [{ a: "2.0.0" }], [null], [2]])("refuses what is no text: %j", (vsn) => {
    expect(negotiateVsn(vsn)).toBeUndefined();
  });
});
