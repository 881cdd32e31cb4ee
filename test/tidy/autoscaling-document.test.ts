import { describe, expect, it } from "vitest";
import { policyDefaults } from "../../src/core/autoscale/policy.js";
import { fleetModelDefaults } from "../../src/core/autoscale/simulate.js";
import { readText } from "./repository.js";

/** Every number of an object, by its path. */
function leaves(value: object, path = ""): [string, number][] {
  return Object.entries(value).flatMap(([name, one]): [string, number][] =>
    typeof one === "number" ? [[`${path}${name}`, one]] : leaves(one, `${path}${name}.`),
  );
}

const page = readText("docs/autoscaling.md");

describe("docs/autoscaling.md", () => {
  it("lists every field of the policy with its default, and no other", () => {
    const [, after = ""] = page.split("\n## The policy\n");
    const rows = [...(after.split("\n## ")[0] ?? "").matchAll(/^\| `([^`]+)` +\| (\S+) +\|/gm)];
    const listed = rows.map(([, name = "", value]) => [name, Number(value)]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(leaves(policyDefaults)));
  });

  it("tells the defaults of the model", () => {
    for (const [name, value] of leaves(fleetModelDefaults)) {
      expect(page.replace(/\s+/g, " ")).toContain(
        `\`${name}\` ${value.toLocaleString("en-US", { maximumFractionDigits: 9 })}`,
      );
    }
  });
});
