/**
 * Decodes base64url without padding. Undefined unless it is written the one way that the encoder writes it: two
 * spellings of one token would be two tokens to whoever keeps a list of revoked ones.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  // Node passes over what is not of the alphabet, so only the way back tells.
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
