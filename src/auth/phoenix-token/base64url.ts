const alphabet = /^[A-Za-z0-9_-]*$/;

/**
 * Decodes base64url without padding. Undefined unless it is written the one way that the encoder writes it: two
 * spellings of one token would be two tokens to whoever keeps a list of revoked ones.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!alphabet.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
