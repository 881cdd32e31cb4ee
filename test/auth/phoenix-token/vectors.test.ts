import { expect, it } from "vitest";
import { createPhoenixToken } from "../../../src/auth/phoenix-token/phoenix-token.js";

const t = createPhoenixToken({
  secret: "abcdefgh".repeat(8),
  salt: "user auth",
  clock: { now: () => 1700000000000 },
  random: { bytes: (n) => Uint8Array.from({ length: n }, (_, i) => i) },
});
it("v", () => {
  expect(t.sign(1, { signedAtSeconds: 0 })).toBe(
    "SFMyNTY.g2gDYQFhAGIAAVGA.6ZtIuy4vHo6LwprLkWqUde0Alr_sRLCu73PXUenFso4",
  );
  expect(t.sign("u1")).toBe(
    "SFMyNTY.g2gDbQAAAAJ1MW4GAABo5c-LAWIAAVGA.gVAxp5nsWw1k-hbktgqP3C-En9oRjZ2OeFHi1tohSQc",
  );
  expect(t.encrypt(1, { signedAtSeconds: 0 })).toBe(
    "XCP.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXODTEd7QnTlTPFGt2Zo8WJSy7jkbLWhPeI6aLcQ",
  );
  expect(t.decrypt(t.encrypt(1))).toMatchObject({ ok: true, data: 1 });
  expect(t.verify(t.sign({ a: [1, 2, { b: null }] }))).toMatchObject({
    ok: true,
    data: { a: [1, 2, { b: null }] },
  });
});
