import { readFile } from "node:fs/promises";
import { SimurghError } from "../../runtime/errors.js";

/** Where a secret or a token is to be read from. Never from the command line: every process sees that of every other. */
export interface SecretSource {
  /** A file, or `-` for the standard input. */
  readonly secretFile?: string;
  readonly secretEnv: string;
}

const bytesMax = 1_048_576;

/** Reads a file, or the standard input when it is called `-`. Rejects with `token_input_missing`. */
export async function readInput(path: string, what: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = path === "-" ? await readStandardInput() : await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SimurghError("token_input_missing", `${what} cannot be read: ${reason}`, { cause });
  }
  if (bytes.length <= bytesMax) return bytes.toString("utf8");
  throw new SimurghError("token_input_missing", `${what} has more than ${bytesMax} bytes`);
}

/** Stops at the first byte too many. */
async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks);
}

/** The secret. One line break at its end is not part of it: editors and `echo` leave one there. */
export async function readSecret({ secretFile, secretEnv }: SecretSource): Promise<string> {
  if (secretFile !== undefined) return (await readInput(secretFile, "the secret")).replace(/\r?\n$/, "");
  const secret = process.env[secretEnv];
  if (secret !== undefined && secret !== "") return secret;
  const ways = `set ${secretEnv}, or say --secret-file (- is the standard input)`;
  throw new SimurghError("token_input_missing", `there is no secret: ${ways}`);
}

/**
 * A token or data: what the command line says, or the standard input when it says nothing, or `-`. That cannot hold a
 * secret or a key, `others`, as well.
 */
export async function readArgument(
  given: string | undefined,
  what: string,
  others: readonly (string | undefined)[],
): Promise<string> {
  const taken = others.filter((path) => path === "-").length;
  const wanted = given === undefined || given === "-";
  if (taken + (wanted ? 1 : 0) > 1)
    throw new SimurghError("token_input_missing", "the standard input can be read for one thing only");
  return wanted ? (await readInput("-", what)).trim() : given;
}

/** Reads JSON of the command line. Throws `token_data_invalid`. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SimurghError("token_data_invalid", "the data is no JSON; a text is written '\"like this\"'", {
      cause,
    });
  }
}
