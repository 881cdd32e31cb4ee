import { describe, expect, it } from "vitest";
import { closeCodes } from "../../src/core/protocol/close-codes.js";
import { readText } from "./repository.js";

const page = readText("docs/protocol.md");

/** The first two cells of each row of the tables under one heading. */
function rows(heading: string): [string, string][] {
  const [, after = ""] = page.split(`\n## ${heading}\n`);
  const section = after.split("\n## ")[0] ?? "";
  return [...section.matchAll(/^\| *(.+?) *\| *(.+?) *\|/gm)].map(([, one = "", two = ""]) => [one, two]);
}

describe("docs/protocol.md", () => {
  it("lists every close code that this server sends", () => {
    const listed = rows("Close codes").map(([code]) => Number(code));
    expect(Object.values(closeCodes).filter((code) => !listed.includes(code))).toEqual([]);
  });
});
