/** Slots of a Redis Cluster. */
export const slotCount = 16_384;

const polynomial = 0x1021;

/** CRC16 (XMODEM) of each byte, as the cluster specification demands. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ polynomial : crc << 1;
  return crc;
});

/** The slot of an ASCII name without braces: of others only a part would count. */
export function slotOf(name: string): number {
  let crc = 0;
  for (let i = 0; i < name.length; i++) {
    crc = ((crc << 8) ^ (table[(crc >> 8) ^ name.charCodeAt(i)] ?? 0)) & 0xffff;
  }
  return crc % slotCount;
}
