import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** As whom the API is asked, and whom to believe that it is the API. */
export interface ServiceAccount {
  readonly token: string;
  readonly ca: string;
  readonly namespace: string;
}

/**
 * Reads the files that Kubernetes puts into each pod. Tokens live for an hour or so and authorities change, too, so they
 * are read for each look. Rejects with words for people; they never have the token in them.
 */
export async function readServiceAccount(
  folder: string,
  namespace: string | undefined,
): Promise<ServiceAccount> {
  const [token, ca, own] = await Promise.all([
    readOf(folder, "token"),
    readOf(folder, "ca.crt"),
    namespace ?? readOf(folder, "namespace"),
  ]);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`there is no token in ${join(folder, "token")}`);
  if (!ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`there is no certificate in ${join(folder, "ca.crt")}`);
  }
  if (!/^[a-z0-9-]{1,63}$/.test(own)) throw new Error(`there is no name in ${join(folder, "namespace")}`);
  return { token, ca, namespace: own };
}

async function readOf(folder: string, name: string): Promise<string> {
  try {
    return (await readFile(join(folder, name), "utf8")).trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new Error(`the service account has no ${name}: ${join(folder, name)} cannot be read (${code})`);
  }
}
