import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

/** Length of what tells two starts of gossip apart; random, new at every start. */
export const lifeBytes = 16;

/** Larger packets are neither sent nor read: a packet must fit into one frame of any network. */
export const packetBytesMax = 1_200;

const magic = Buffer.from("SMRG", "latin1");
const version = 1;
const kinds = { plain: 0, sealed: 1 } as const;
const headerBytes = magic.length + 2 + lifeBytes + 6;
const tagBytes = 16;
const cipherName = "aes-256-gcm";

/** Keys remembered of other lives, so that they are not derived for every packet. */
const keysMax = 4_096;

/** Why a packet was not taken. The names are those of the counters. */
export type PacketFault =
  | "packets_garbage"
  | "packets_oversize"
  | "packets_version"
  | "packets_plain"
  | "packets_sealed"
  | "packets_forged";

/** A packet that was made by somebody who knows the secret, if there is one. */
export interface OpenedPacket {
  /** In hexadecimal. */
  readonly life: string;
  readonly counter: number;
  readonly body: Buffer;
}

function deriveKey(secret: string, life: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, life, "simurgh gossip 1", 32));
}

/** A key serves one life of one node, which counts its packets: no nonce is ever used twice. */
function nonceOf(header: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  header.copy(nonce, 6, headerBytes - 6);
  return nonce;
}

/** Seals what one life of a node says, and opens what others say. Without secrets it seals nothing. */
export class PacketCodec {
  readonly #secrets: readonly string[];
  readonly #life: Buffer;
  readonly #key: Buffer | undefined;
  /** Of each life the key that opened its last packet. */
  readonly #keys = new Map<string, Buffer>();
  #counter = 0;

  constructor(secrets: readonly string[], life: Buffer) {
    this.#secrets = secrets;
    this.#life = life;
    const [first] = secrets;
    this.#key = first === undefined ? undefined : deriveKey(first, life);
  }

  seal(body: Buffer): Buffer {
    this.#counter += 1;
    const header = Buffer.alloc(headerBytes);
    magic.copy(header);
    header[4] = version;
    header[5] = this.#key === undefined ? kinds.plain : kinds.sealed;
    this.#life.copy(header, 6);
    header.writeUIntBE(this.#counter, headerBytes - 6, 6);
    if (this.#key === undefined) return Buffer.concat([header, body]);
    const cipher = createCipheriv(cipherName, this.#key, nonceOf(header), { authTagLength: tagBytes });
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(body), cipher.final(), cipher.getAuthTag()]);
  }

  open(packet: Buffer): OpenedPacket | PacketFault {
    if (packet.length > packetBytesMax) return "packets_oversize";
    if (packet.length < headerBytes || !packet.subarray(0, 4).equals(magic)) return "packets_garbage";
    if (packet[4] !== version) return "packets_version";
    const life = packet.toString("hex", 6, 6 + lifeBytes);
    const counter = packet.readUIntBE(headerBytes - 6, 6);
    if (packet[5] === kinds.plain) {
      if (this.#secrets.length > 0) return "packets_plain";
      return { life, counter, body: packet.subarray(headerBytes) };
    }
    if (packet[5] !== kinds.sealed) return "packets_garbage";
    if (this.#secrets.length === 0) return "packets_sealed";
    const body = this.#decipher(life, packet);
    return body === undefined ? "packets_forged" : { life, counter, body };
  }

  #decipher(life: string, packet: Buffer): Buffer | undefined {
    const known = this.#keys.get(life);
    const lifeRaw = packet.subarray(6, 6 + lifeBytes);
    for (const key of known ? [known] : this.#secrets.map((secret) => deriveKey(secret, lifeRaw))) {
      const body = tryKey(key, packet);
      if (body === undefined) continue;
      if (known === undefined) this.#remember(life, key);
      return body;
    }
    return undefined;
  }

  #remember(life: string, key: Buffer): void {
    this.#keys.set(life, key);
    if (this.#keys.size <= keysMax) return;
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined) this.#keys.delete(oldest);
  }
}

function tryKey(key: Buffer, packet: Buffer): Buffer | undefined {
  const tagAt = packet.length - tagBytes;
  if (tagAt < headerBytes) return undefined;
  const header = packet.subarray(0, headerBytes);
  const decipher = createDecipheriv(cipherName, key, nonceOf(header), { authTagLength: tagBytes });
  decipher.setAAD(header);
  decipher.setAuthTag(packet.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(packet.subarray(headerBytes, tagAt)), decipher.final()]);
  } catch {
    // This is how node:crypto says that the tag does not fit: somebody else's key, or a changed packet.
    return undefined;
  }
}
