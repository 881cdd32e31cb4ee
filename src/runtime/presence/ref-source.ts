/** Calls after which the first six bytes would repeat: more than any process makes. */
const COUNT_MAX = 2 ** 48 - 1;

/**
 * Makes refs as long as Phoenix's: 16 characters of URL-safe base64. Six random bytes tell the makers apart, six
 * bytes count.
 */
export function refSource(random: Uint8Array): () => string {
  const maker = Buffer.from(random).toString("base64url");
  const bytes = Buffer.alloc(6);
  let count = 0;
  return () => {
    count = count === COUNT_MAX ? 0 : count + 1;
    bytes.writeUIntBE(count, 0, 6);
    return maker + bytes.toString("base64url");
  };
}
