/** A version of the wire that a client may ask for. */
export type Vsn = 1 | 2;

const SEMVER = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/;

/**
 * Which serializer a `vsn` parameter selects: absent is 1.0.0; V1 takes `~> 1.0.0`, V2 takes `~> 2.0.0`, that is
 * x.0.0 up to but without x.1.0, no pre-releases. Undefined: refuse the connection.
 */
export function negotiateVsn(vsn: unknown): Vsn | undefined {
  if (vsn === undefined) return 1;
  if (typeof vsn !== "string") return undefined;
  const parts = SEMVER.exec(vsn);
  if (parts === null || parts[2] !== "0") return undefined;
  if (parts[1] === "1") return 1;
  if (parts[1] === "2") return 2;
  return undefined;
}
