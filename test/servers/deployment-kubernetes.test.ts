import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  deployText,
  type Manifest,
  manifestFiles,
  moduleOf,
  readManifests,
  whyInvalid,
} from "../support/deployment/files.js";
import { startProgram } from "../support/program.js";
import { requireKubectl } from "../support/servers.js";

const kubectl = requireKubectl();
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Has the compiler compare objects with the types of their kinds: it refuses fields that there are not. */
async function unknownFields(folder: string, manifests: readonly Manifest[]): Promise<string> {
  const files = manifests.map((one, index) => {
    const path = `${folder}/${index}-${one.kind}.ts`;
    const type = `import type { I${one.kind} as Kind } from "${moduleOf(one)}";\n`;
    writeFileSync(path, `${type}export const object: Kind = ${JSON.stringify(one, null, 1)};\n`);
    return path;
  });
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--ignoreConfig",
    "--module",
    "nodenext",
    "--types",
    "",
  ];
  const program = startProgram(`${root}node_modules/.bin/tsc`, [...options, ...files]);
  const { code } = await program.ended;
  return code === 0 ? "" : program.stdout + program.stderr;
}

describe("manifests for Kubernetes", () => {
  let folder = "";
  beforeAll(() => {
    // In the repository, where the compiler finds the packages.
    mkdirSync(`${root}.simurgh`, { recursive: true });
    folder = mkdtempSync(`${root}.simurgh/manifests-`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const all = manifestFiles().flatMap((path) => readManifests(deployText(path)));

  test("have no field that their kinds have not", async () => {
    expect(await unknownFields(folder, all)).toBe("");
  });

  test("would not pass with a field that is misspelt", async () => {
    const text = deployText("kubernetes/base/deployment.yaml");
    const wrong = text.replace("readOnlyRootFilesystem", "readonlyRootFilesystem");
    expect(await unknownFields(folder, readManifests(wrong))).toContain(
      "'\"readonlyRootFilesystem\"' does not exist",
    );
  });
});

describe.skipIf(kubectl.missing)("what kubectl makes of the folders with a kustomization", () => {
  test.each(["base", "keda", "keda-prometheus", "hpa"])(
    "is whole, valid and in one namespace: %s",
    async (name) => {
      const program = startProgram(kubectl.path, ["kustomize", `${root}deploy/kubernetes/${name}`]);
      const { code } = await program.ended;
      expect([code, program.stderr]).toEqual([0, ""]);
      const objects = readManifests(program.stdout);
      const invalid = await Promise.all(objects.map(whyInvalid));
      expect(invalid.filter((why) => why !== undefined)).toEqual([]);
      const elsewhere = objects.filter(
        ({ kind, metadata }) => kind !== "Namespace" && metadata.namespace !== "chat",
      );
      expect(elsewhere).toEqual([]);
      const deployment = objects.find(({ kind }) => kind === "Deployment") as Manifest & { spec: object };
      expect("replicas" in deployment.spec).toBe(name === "base");
    },
  );
});
