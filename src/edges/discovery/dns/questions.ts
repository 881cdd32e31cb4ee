import { Resolver, type SrvRecord } from "node:dns";
import type { DnsSettings } from "./options.js";

/** How a query ended. `missing`: there is no such name; a name without such records is answered with none. */
export type Answer<T> =
  | { readonly records: readonly T[]; readonly missing: boolean }
  | { readonly failure: string; readonly code: string };

/** An IP family. */
export type Family = 4 | 6;

/** What the codes of failed queries mean to people. */
const words: Readonly<Record<string, string>> = {
  ESERVFAIL: "the server could not find out (SERVFAIL)",
  EREFUSED: "the server refuses to answer (REFUSED)",
  ENOTIMP: "the server does not know this kind of question (NOTIMP)",
  EFORMERR: "the server did not understand the question (FORMERR)",
  EBADRESP: "the answer cannot be read",
  ETIMEOUT: "no server answered in time",
  ECONNREFUSED: "no server could be reached",
  ECANCELLED: "cut off",
};

/** The questions of one look. A resolver of its own reads the system's servers anew, and ends with the look. */
export class Questions {
  readonly #resolver: Resolver;

  constructor({ servers, timing, limits }: DnsSettings, signal: AbortSignal) {
    this.#resolver = new Resolver({ timeout: timing.queryMsMax, tries: limits.triesMax });
    if (servers !== undefined) this.#resolver.setServers([...servers]);
    signal.addEventListener("abort", () => this.#resolver.cancel(), { once: true });
  }

  addresses(name: string, family: Family): Promise<Answer<string>> {
    return ask((done) =>
      family === 4 ? this.#resolver.resolve4(name, done) : this.#resolver.resolve6(name, done),
    );
  }

  services(name: string): Promise<Answer<SrvRecord>> {
    return ask((done) => this.#resolver.resolveSrv(name, done));
  }
}

function ask<T>(
  query: (done: (error: NodeJS.ErrnoException | null, records: readonly T[]) => void) => void,
): Promise<Answer<T>> {
  return new Promise((resolve) => {
    query((error, records) => {
      const code = error?.code;
      if (error === null) resolve({ records, missing: false });
      else if (code === "ENODATA" || code === "ENOTFOUND")
        resolve({ records: [], missing: code === "ENOTFOUND" });
      else resolve({ code: code ?? "unknown", failure: words[code ?? ""] ?? error.message });
    });
  });
}
