import type { Sighting } from "../../../contracts/discovery.js";

/** How the nodes are taken out of the objects. */
export interface ReadSettings {
  readonly port: number | string;
  readonly readyOnly: boolean;
}

/** What was read of one object. */
export interface ReadObject {
  readonly sightings: readonly Sighting[];
  /** Endpoints or pods that are not seen: on their way out, not ready, or without such a port. */
  readonly left: { readonly terminating: number; readonly unready: number; readonly portless: number };
}

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Fields {
  // An object that is not null has fields of unknown types.
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** The items of a list; none of anything else, for Kubernetes leaves out empty ones or writes null. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const portOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535 ? value : undefined;

/** The named port among ports that are called `name` and are numbered under `numberKey`. */
function findPort(ports: readonly unknown[], wanted: number | string, numberKey: string): number | undefined {
  if (typeof wanted === "number") return wanted;
  const port = ports
    .map(fieldsOf)
    .find(({ name, protocol }) => name === wanted && (protocol ?? "TCP") === "TCP");
  return portOf(port?.[numberKey]);
}

/**
 * The nodes of an EndpointSlice. Undefined for what is none. Of an endpoint's addresses the first counts, as the API
 * says: they are all the same node's. An endpoint of which nothing is known counts as ready, as the API says, too.
 */
export function readSlice(
  object: unknown,
  { port: wanted, readyOnly }: ReadSettings,
): ReadObject | undefined {
  const { addressType, endpoints, ports } = fieldsOf(object);
  if (addressType !== "IPv4" && addressType !== "IPv6" && addressType !== "FQDN") return undefined;
  const port = findPort(itemsOf(ports), wanted, "port");
  const sightings: Sighting[] = [];
  const left = { terminating: 0, unready: 0, portless: 0 };
  for (const endpoint of itemsOf(endpoints).map(fieldsOf)) {
    const host = textOf(itemsOf(endpoint.addresses)[0]);
    if (host === undefined) return undefined;
    const conditions = fieldsOf(endpoint.conditions);
    if (conditions.terminating === true) left.terminating += 1;
    else if (readyOnly && conditions.ready === false) left.unready += 1;
    else if (port === undefined) left.portless += 1;
    else sightings.push({ address: { host, port }, life: textOf(fieldsOf(endpoint.targetRef).uid) });
  }
  return { sightings, left };
}

/** The node of a pod. Undefined for what is none. */
export function readPod(object: unknown, { port: wanted, readyOnly }: ReadSettings): ReadObject | undefined {
  const { metadata, spec, status } = fieldsOf(object);
  const { deletionTimestamp, uid } = fieldsOf(metadata);
  const { phase, podIP, conditions } = fieldsOf(status);
  if (typeof phase !== "string") return undefined;
  const left = { terminating: 0, unready: 0, portless: 0 };
  const host = textOf(podIP);
  const ready = itemsOf(conditions)
    .map(fieldsOf)
    .some((one) => one.type === "Ready" && one.status === "True");
  const ports = itemsOf(fieldsOf(spec).containers).flatMap((one) => itemsOf(fieldsOf(one).ports));
  const port = findPort(ports, wanted, "containerPort");
  if (deletionTimestamp !== undefined || phase === "Succeeded" || phase === "Failed") left.terminating += 1;
  // Without an address it has not begun yet.
  else if (host === undefined || (readyOnly && !ready)) left.unready += 1;
  else if (port === undefined) left.portless += 1;
  else return { sightings: [{ address: { host, port }, life: textOf(uid) }], left };
  return { sightings: [], left };
}
