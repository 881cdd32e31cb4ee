/** An address of the internet as a number. IPv4 in IPv6 clothes (`::ffff:1.2.3.4`) is IPv4. */
export interface IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** All addresses that begin with the same bits. */
export interface IpRange {
  readonly bits: 32 | 128;
  readonly prefix: bigint;
  /** Bits at the end that may be anything. */
  readonly free: bigint;
}

const DECIMAL = /^(?:0|[1-9]\d{0,2})$/;
const HEX = /^[0-9a-fA-F]{1,4}$/;
/** What IPv4 addresses have before them in IPv6. */
const MAPPED = 0xffffn;
/** An address longer than this is none. */
const TEXT_LENGTH_MAX = 45;

/** The bits of an IPv6 address that name a network: whoever has one address of it has them all. */
const NETWORK_BITS = 64n;

/** Reads an address. Undefined: it is none. A zone (`%eth0`) is not part of it. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  if (!text.includes(":")) {
    const value = parseFour(text);
    return value === undefined ? undefined : { bits: 32, value };
  }
  const value = parseSix(text.split("%", 1)[0] ?? "");
  if (value === undefined) return undefined;
  return value >> 32n === MAPPED ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

function parseFour(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!DECIMAL.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseSix(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const end = tail ?? [];
  const missing = 8 - head.length - end.length;
  // `::` stands for one group of zeros at least.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<bigint>(missing).fill(0n), ...end];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Undefined: they are no groups. The last two may be written as an IPv4 address. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const four = i === parts.length - 1 && part.includes(".") ? parseFour(part) : undefined;
    if (four !== undefined) groups.push(four >> 16n, four & 0xffffn);
    else if (HEX.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** Reads an address or a range such as `10.0.0.0/8`. Undefined: it is neither. */
export function parseRange(text: string): IpRange | undefined {
  const [start = "", length, more] = text.split("/");
  const address = parseAddress(start);
  if (address === undefined || more !== undefined) return undefined;
  if (length !== undefined && !DECIMAL.test(length)) return undefined;
  const fixed = length === undefined ? address.bits : Number(length);
  if (fixed > address.bits) return undefined;
  const free = BigInt(address.bits - fixed);
  return { bits: address.bits, prefix: address.value >> free, free };
}

/** Whether an address is in a range. */
export function isWithin({ bits, value }: IpAddress, range: IpRange): boolean {
  return bits === range.bits && value >> range.free === range.prefix;
}

/** The key that an address is counted by: an IPv4 address stands for itself, an IPv6 address for its /64. */
export function countedAs({ bits, value }: IpAddress): string {
  return bits === 32 ? `4:${value.toString(16)}` : `6:${(value >> NETWORK_BITS).toString(16)}`;
}

/**
 * Whom a connection comes from: the peer, or, where the peer is a trusted proxy, whom it names as the last in
 * `x-forwarded-for`; and so on, as long as the one named is a trusted proxy, too. What stands before that was written
 * by who knows whom. Undefined: the peer has no address.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: readonly IpRange[],
): IpAddress | undefined {
  let client = parseAddress(peer);
  if (forwardedFor === undefined) return client;
  const named = forwardedFor.split(",");
  while (client !== undefined && isTrusted(client, trusted)) {
    const last = named.pop();
    const before = last === undefined ? undefined : parseAddress(withoutPort(last.trim()));
    if (before === undefined) return client;
    client = before;
  }
  return client;
}

function isTrusted(address: IpAddress, trusted: readonly IpRange[]): boolean {
  return trusted.some((range) => isWithin(address, range));
}

/** Some proxies write `1.2.3.4:5678` and `[2001:db8::1]:5678`. */
function withoutPort(text: string): string {
  if (text.startsWith("[")) return text.slice(1, Math.max(1, text.indexOf("]")));
  const [address = "", port, more] = text.split(":");
  return port !== undefined && more === undefined ? address : text;
}
