/** Makes and checks the tokens of one purpose; injected, for the runtime signs nothing. */
export interface TokenSigner {
  sign(data: readonly string[]): string;
  /** What was signed; undefined when it was not signed by us, is older than `maxAgeS`, or is something else. */
  verify(token: string, maxAgeS: number): readonly string[] | undefined;
}

/** Gives the signer of one purpose: tokens of one purpose do not pass for another. */
export type SignerFor = (purpose: string) => TokenSigner;

/** What a token says: where a session lives. */
export interface SessionPlace {
  /** Name of the node. */
  readonly node: string;
  readonly topic: string;
}

/** The first form of these tokens. */
const FORM = "v1";

/** The token of a session. */
export function signPlace(signer: TokenSigner, { node, topic }: SessionPlace): string {
  return signer.sign([FORM, node, topic]);
}

/** Where the session of a token lives; undefined when the token is forged, expired, or of another form. */
export function verifyPlace(signer: TokenSigner, token: string, maxAgeS: number): SessionPlace | undefined {
  const [form, node, topic, ...rest] = signer.verify(token, maxAgeS) ?? [];
  if (form !== FORM || node === undefined || topic === undefined || rest.length > 0) return undefined;
  return { node, topic };
}
