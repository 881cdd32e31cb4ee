import { expect, it } from "vitest";
import { counters, latencies } from "../../src/loadtest/report/metrics.js";
import { readText } from "./repository.js";

it("docs/load.md lists every latency and counter with its meaning, and no other", () => {
  const rows = [...readText("docs/load.md").matchAll(/^\| `([^`]+)` +\| +(.*?) +\|/gm)];
  expect(Object.fromEntries(rows.map(([, name = "", text = ""]) => [name, text]))).toEqual({
    ...latencies,
    ...counters,
  });
});
