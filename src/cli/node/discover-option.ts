import { InvalidArgumentError, Option } from "commander";
import type { DiscoveryStrategy } from "../../contracts/discovery.js";
import { dns } from "../../edges/discovery/dns/dns.js";
import { file } from "../../edges/discovery/file/file.js";
import { gossip } from "../../edges/discovery/gossip/gossip.js";
import { kubernetes } from "../../edges/discovery/kubernetes/kubernetes.js";
import { staticHosts } from "../../edges/discovery/static-hosts.js";
import { SimurghError } from "../../runtime/errors.js";

/** `NAME`, `NAME:PORT`, and behind an `@` the servers to ask. */
function readDns(text: string): DiscoveryStrategy {
  const [target = "", ...servers] = text.split("@");
  const [name = "", port] = target.split(/:(.*)/s);
  return dns({
    name,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(servers.length === 0 ? {} : { servers: servers.join("@").split(",") }),
  });
}

/** `SERVICE:PORT` or `SELECTOR:PORT`, and behind an `@` the namespace. A selector has signs that no name has. */
function readKubernetes(text: string, resource: "endpointslices" | "pods"): DiscoveryStrategy {
  const [, what = text, port = "", namespace] = /^(.*):([^:@]*)(?:@(.*))?$/s.exec(text) ?? [];
  const isService = resource === "endpointslices" && /^[a-z0-9-]*$/.test(what);
  return kubernetes({
    ...(isService ? { service: what } : { selector: what, resource }),
    port: /^\d+$/.test(port) ? Number(port) : port,
    ...(namespace === undefined ? {} : { namespace }),
  });
}

/** What each kind makes of the text behind its colon. */
const kinds: Readonly<Record<string, (text: string) => DiscoveryStrategy>> = {
  gossip: (text) => gossip(text === "" ? {} : { port: Number(text) }),
  dns: readDns,
  file: (path) => file({ path }),
  kubernetes: (text) => readKubernetes(text, "endpointslices"),
  pods: (text) => readKubernetes(text, "pods"),
  static: (text) => staticHosts({ hosts: text.split(",").map((host) => host.trim()) }),
};

/** One `--discover`: as it was given, and what was made of it. */
export interface DiscoverChoice {
  readonly text: string;
  readonly strategy: DiscoveryStrategy;
}

/** Reads one `--discover`. */
export function readDiscover(text: string): DiscoverChoice {
  const [kind = "", ...rest] = text.split(":");
  const make = kinds[kind];
  if (make === undefined)
    throw new InvalidArgumentError(`It begins with one of ${Object.keys(kinds).join(", ")}.`);
  try {
    return { text, strategy: make(rest.join(":")) };
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SimurghError ? `${error.message}.` : String(error));
  }
}

/** `--discover`, which may be given several times. */
export function discoverOption(): Option {
  return new Option(
    "--discover <how>",
    "find other nodes by themselves: gossip[:PORT], dns:NAME[:PORT][@SERVER,…], file:PATH, kubernetes:SERVICE:PORT[@NAMESPACE], pods:SELECTOR:PORT[@NAMESPACE] or static:HOST:PORT,…; may be given several times",
  )
    .default([], "none")
    .argParser((text: string, before: readonly DiscoverChoice[]) => [...before, readDiscover(text)]);
}
