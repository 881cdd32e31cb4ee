import { type CipherGCMTypes, createDecipheriv } from "node:crypto";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { decodeBase64Url } from "../base64url.js";

const head = "XCP";
const legacyHead = "QTEyOEdDTQ";
const ivBytes = 24;
const tagBytes = 16;
const legacyIvBytes = 12;

/** Bytes of the key that encryption needs. */
export const encryptionKeyBytes = 32;

/** Bytes of chance that one encryption takes. */
export const encryptionIvBytes = ivBytes;

/** Phoenix binds its messages to this text, for the sake of an algorithm that it used before. */
const associated = Buffer.from("A128GCM");

/** Encrypts bytes the way that Phoenix does: XChaCha20-Poly1305, written as iv, tag, ciphertext. */
export function encryptMessage(message: Uint8Array, key: Uint8Array, iv: Uint8Array): string {
  const sealed = xchacha20poly1305(key, iv, associated).encrypt(message);
  const [ciphertext, tag] = [sealed.subarray(0, -tagBytes), sealed.subarray(-tagBytes)];
  return `${head}.${Buffer.concat([iv, tag, ciphertext]).toString("base64url")}`;
}

/** The message of a token that was encrypted with one of `keys`; undefined for every other. */
export function decryptMessage(token: string, keys: readonly Uint8Array[]): Uint8Array | undefined {
  const [first = "", ...parts] = token.split(".", 6);
  const decoded = parts.map(decodeBase64Url);
  if (first === head && decoded.length === 1) return firstOf(keys, (key) => openCurrent(decoded[0], key));
  if (first === legacyHead && decoded.length === 4) {
    const [wrappedKey, iv, ciphertext, tag] = decoded;
    return firstOf(keys, (key) => openGcm(unwrapKey(wrappedKey, key), iv, ciphertext, tag, associated));
  }
  return undefined;
}

function firstOf<K, T>(keys: readonly K[], open: (key: K) => T | undefined): T | undefined {
  for (const key of keys) {
    const opened = open(key);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

function openCurrent(bytes: Buffer | undefined, key: Uint8Array): Uint8Array | undefined {
  if (bytes === undefined || bytes.length < ivBytes + tagBytes) return undefined;
  if (key.length !== encryptionKeyBytes) return undefined;
  const iv = bytes.subarray(0, ivBytes);
  const tag = bytes.subarray(ivBytes, ivBytes + tagBytes);
  const sealed = Buffer.concat([bytes.subarray(ivBytes + tagBytes), tag]);
  try {
    return xchacha20poly1305(key, iv, associated).decrypt(sealed);
  } catch {
    // The tag does not match: not encrypted with this key, or changed since. The library has no other answer.
    return undefined;
  }
}

/** Before version 2 of plug_crypto each message had a key of its own, sealed with the derived one. */
function unwrapKey(wrapped: Buffer | undefined, key: Uint8Array): Buffer | undefined {
  if (wrapped === undefined) return undefined;
  const sealedBytes = wrapped.length - tagBytes - legacyIvBytes;
  const ciphertext = wrapped.subarray(0, Math.max(sealedBytes, 0));
  const tag = wrapped.subarray(sealedBytes, sealedBytes + tagBytes);
  return openGcm(key, wrapped.subarray(sealedBytes + tagBytes), ciphertext, tag, Buffer.alloc(0));
}

const gcmByKeyBytes: ReadonlyMap<number, CipherGCMTypes> = new Map([
  [16, "aes-128-gcm"],
  [24, "aes-192-gcm"],
  [32, "aes-256-gcm"],
]);

function openGcm(
  key: Uint8Array | undefined,
  iv: Uint8Array | undefined,
  ciphertext: Uint8Array | undefined,
  tag: Uint8Array | undefined,
  aad: Uint8Array,
): Buffer | undefined {
  const cipher = key === undefined ? undefined : gcmByKeyBytes.get(key.length);
  if (key === undefined || cipher === undefined || ciphertext === undefined) return undefined;
  if (iv?.length !== legacyIvBytes || tag?.length !== tagBytes) return undefined;
  try {
    const decipher = createDecipheriv(cipher, key, iv, { authTagLength: tagBytes });
    decipher.setAAD(aad).setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    // The tag does not match; Node has no other answer.
    return undefined;
  }
}
