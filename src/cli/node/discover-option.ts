import { InvalidArgumentError, Option } from "commander";
import type { DiscoveryStrategy } from "../../contracts/discovery.js";
import { gossip } from "../../edges/discovery/gossip/gossip.js";
import { staticHosts } from "../../edges/discovery/static-hosts.js";
import { SimurghError } from "../../runtime/errors.js";

/** What each kind makes of the text behind its colon. */
const kinds: Readonly<Record<string, (text: string) => DiscoveryStrategy>> = {
  gossip: (text) => gossip(text === "" ? {} : { port: Number(text) }),
  static: (text) => staticHosts({ hosts: text.split(",").map((host) => host.trim()) }),
};

/** Reads one `--discover`. */
export function readDiscover(text: string): DiscoveryStrategy {
  const [kind = "", ...rest] = text.split(":");
  const make = kinds[kind];
  if (make === undefined)
    throw new InvalidArgumentError(`It begins with one of ${Object.keys(kinds).join(", ")}.`);
  try {
    return make(rest.join(":"));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SimurghError ? `${error.message}.` : String(error));
  }
}

/** `--discover`, which may be given several times. */
export function discoverOption(): Option {
  return new Option(
    "--discover <how>",
    "find other nodes by themselves: gossip[:PORT] or static:HOST:PORT,…; may be given several times",
  )
    .default([], "none")
    .argParser((text: string, before: readonly DiscoveryStrategy[]) => [...before, readDiscover(text)]);
}
