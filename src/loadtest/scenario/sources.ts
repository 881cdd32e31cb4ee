import { isIP, isIPv4 } from "node:net";

/** Addresses of one range at most. */
const rangeMax = 65_536;

/** The addresses of `127.0.0.2` or of the range `127.0.0.2-127.0.0.9`; undefined when it is neither. */
export function sourceAddresses(text: string): string[] | undefined {
  if (isIP(text) !== 0) return [text];
  const [from = "", to = "", more] = text.split("-");
  if (!isIPv4(from) || !isIPv4(to) || more !== undefined) return undefined;
  const [first, last] = [numberOf(from), numberOf(to)];
  if (last < first || last - first >= rangeMax) return undefined;
  return Array.from({ length: last - first + 1 }, (_, i) => addressOf(first + i));
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function addressOf(value: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
