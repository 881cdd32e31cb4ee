import { join } from "node:path";
import { formatHostPort } from "../../core/cluster/peer-text.js";

/** Where Kubernetes puts the files of the service account into each pod. */
export const accountFolder = join("/var/run/secrets", "kubernetes.io/serviceaccount");

/** Whether a text can be the name of a service, a namespace or a label. */
export function isLabel(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** The origin of an API `https://HOST:PORT`; undefined: it is none. */
export function originOf(server: string): string | undefined {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  // The token is a secret, and only TLS says who receives it.
  const fits = url?.protocol === "https:" && url.pathname === "/" && url.search === "" && url.username === "";
  return fits ? url.origin : undefined;
}

/** Where the API is by the environment of a pod; undefined outside of one. */
export function serverInPod(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  return host ? `https://${formatHostPort({ host, port: Number(port || 443) })}` : undefined;
}
