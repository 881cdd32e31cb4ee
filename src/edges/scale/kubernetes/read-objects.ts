/** The scale of a deployment, as far as it is of interest. */
export interface ReadScale {
  readonly replicas: number;
  readonly resourceVersion: string;
  /** Selects its pods. */
  readonly selector: string;
}

/** A pod, as far as it is of interest. */
export interface ReadPod {
  readonly name: string;
  readonly address: string | undefined;
  readonly isLeaving: boolean;
  /** What Kubernetes is told that its deletion costs. */
  readonly deletionCost: string | undefined;
}

/** Of the pods of a replica set the one with the lowest is deleted first. */
export const costAnnotation = "controller.kubernetes.io/pod-deletion-cost";

/** Undefined: it is no object of kind Scale. */
export function readScale(json: unknown): ReadScale | undefined {
  const { kind, metadata, spec, status } = fields(json);
  const { resourceVersion } = fields(metadata);
  // A set that was scaled to none has no such field.
  const { replicas = 0 } = fields(spec);
  const { selector } = fields(status);
  const fits = kind === "Scale" && typeof resourceVersion === "string" && typeof selector === "string";
  if (!fits || typeof replicas !== "number" || !Number.isSafeInteger(replicas) || replicas < 0)
    return undefined;
  return { replicas, resourceVersion, selector };
}

/** Undefined: it is no list of pods. */
export function readPods(json: unknown): readonly ReadPod[] | undefined {
  const { kind, items = [] } = fields(json);
  if (kind !== "PodList" || !Array.isArray(items)) return undefined;
  return items.flatMap((item: unknown) => {
    const { metadata, status } = fields(item);
    const { name, annotations, deletionTimestamp } = fields(metadata);
    if (typeof name !== "string") return [];
    const { podIP } = fields(status);
    const cost = fields(annotations)[costAnnotation];
    return {
      name,
      address: typeof podIP === "string" ? podIP : undefined,
      isLeaving: deletionTimestamp !== undefined,
      deletionCost: typeof cost === "string" ? cost : undefined,
    };
  });
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  // A cast, as an object's fields are unknown until each is read.
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
