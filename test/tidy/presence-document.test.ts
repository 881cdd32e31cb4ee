import { describe, expect, it } from "vitest";
import { deliveryDefaults } from "../../src/core/presence/delivery.js";
import { resolveTrackerOptions } from "../../src/core/presence/options.js";
import { fetchDefaults } from "../../src/runtime/presence/settings.js";
import { readText } from "./repository.js";

/** The options of one section of docs/presence.md with their defaults, as text. */
function documented(heading: string): Record<string, string> {
  const [, after = ""] = readText("docs/presence.md").split(`\n## ${heading}\n`);
  const rows = (after.split("\n## ")[0] ?? "").matchAll(/^\| `(\w+)` *\| (\S+) +\|/gm);
  return Object.fromEntries([...rows].map(([, name = "", value = ""]) => [name, value]));
}

function asText(options: object): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));
}

describe("docs/presence.md", () => {
  it("lists every option of a tracker with its default, and no other", () => {
    const resolved = resolveTrackerOptions();
    expect(documented("Options of a tracker")).toEqual(asText(resolved.ok ? resolved.options : {}));
  });

  it("lists every limit of a delivery with its default, and no other", () => {
    expect(documented("Limits of a delivery")).toEqual(asText(deliveryDefaults));
  });

  it("lists every limit of fetch with its default, and no other", () => {
    expect(documented("Limits of fetch")).toEqual(asText(fetchDefaults));
  });
});
