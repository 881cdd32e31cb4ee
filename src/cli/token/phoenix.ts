import type { PhoenixToken } from "../../auth/phoenix-token/phoenix-token.js";
import type { Term } from "../../auth/phoenix-token/term.js";
import { phoenixTokenVerifier } from "../../auth/phoenix-token/verifier.js";
import type { TokenVerifier } from "../../contracts/token.js";
import { phoenixToken } from "../../edges/system/phoenix-token.js";
import { SimurghError } from "../../runtime/errors.js";
import { parseJson, readSecret, type SecretSource } from "./input.js";

/** What the command line says of a Phoenix token. */
export interface PhoenixChoice extends SecretSource {
  readonly salt?: string;
  readonly encrypted?: boolean;
  readonly maxAge?: number;
}

async function tokensOf(choice: PhoenixChoice): Promise<PhoenixToken> {
  const { salt } = choice;
  if (salt === undefined || salt === "")
    throw new SimurghError("token_input_missing", "a Phoenix token has a --salt, such as 'user auth'");
  return phoenixToken({ secret: await readSecret(choice), salt });
}

/** Signs, or encrypts, data that is written as JSON. */
export async function signPhoenix(data: string, choice: PhoenixChoice): Promise<string> {
  // JSON is made of nothing but terms.
  const term = parseJson(data) as Term;
  const settings = choice.maxAge === undefined ? {} : { maxAgeSeconds: choice.maxAge };
  const tokens = await tokensOf(choice);
  return choice.encrypted === true ? tokens.encrypt(term, settings) : tokens.sign(term, settings);
}

/** Makes the verifier of Phoenix tokens that the command line describes. */
export async function phoenixVerifierOf(choice: PhoenixChoice): Promise<TokenVerifier> {
  const { encrypted = false, maxAge } = choice;
  const age = maxAge === undefined ? {} : { maxAgeSeconds: maxAge };
  return phoenixTokenVerifier({ tokens: await tokensOf(choice), encrypted, ...age });
}
