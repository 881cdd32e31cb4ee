import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Model, TypeMeta } from "@kubernetes-models/base";
import { parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Text of a file of the deployment, by its path under `deploy`. */
export const deployText = (path: string): string => readFileSync(`${root}deploy/${path}`, "utf8");

/** Paths of all files under `deploy`. */
export const deployFiles = (): string[] =>
  readdirSync(`${root}deploy`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(`${root}deploy/`.length))
    .sort();

/** The documents of a YAML text. Throws where it is none, also for a key that is there twice. */
export function readYaml(text: string): unknown[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return document.toJS();
  });
}

/** An object that a cluster is given. */
export interface Manifest extends TypeMeta {
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Every object of a text. */
export function readManifests(text: string): Manifest[] {
  return readYaml(text).map((value) => {
    // What follows are checks of just this.
    const manifest = value as Manifest;
    const { apiVersion, kind, metadata } = manifest;
    if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof metadata?.name !== "string") {
      throw new Error(`no object of Kubernetes: ${JSON.stringify(value)}`);
    }
    return manifest;
  });
}

/** Files with objects that are whole: neither instructions to Kustomize nor patches. */
export const manifestFiles = (): string[] =>
  deployFiles().filter(
    (path) =>
      /^kubernetes\/.*\.yaml$/.test(path) &&
      !/\/kustomization\.yaml$|^kubernetes\/components\/autoscaled\//.test(path),
  );

/** The object of a kind and name in the files. */
export function manifest<T extends TypeMeta>(kind: string, name: string, file: string): T {
  const found = readManifests(deployText(`kubernetes/${file}`)).find(
    (one) => one.kind === kind && one.metadata.name === name,
  );
  if (found === undefined) throw new Error(`no ${kind} ${name} in ${file}`);
  // The schema of its kind is checked for every object, by a test of its own.
  return found as unknown as T;
}

/** The package that knows an object's kind, and the module of the kind in it. */
export function moduleOf({ apiVersion, kind }: TypeMeta): string {
  const [group = ""] = apiVersion.split("/");
  const packages: Readonly<Record<string, string>> = {
    "keda.sh": "@kubernetes-models/keda",
    "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  };
  return `${packages[group] ?? "kubernetes-models"}/${apiVersion}/${kind}`;
}

/** What is wrong with an object by the schema of its kind; undefined: nothing. */
export async function whyInvalid(object: TypeMeta): Promise<string | undefined> {
  // A module of the package exports the class of its kind; that is what the next lines find out.
  const module = (await import(moduleOf(object))) as Record<string, new (data: TypeMeta) => Model<TypeMeta>>;
  const Kind = module[object.kind];
  if (Kind === undefined) return `no kind ${object.kind}`;
  try {
    new Kind(object).validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
