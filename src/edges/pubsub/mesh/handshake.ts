import type { Hello } from "./hello.js";
import { decodeHello, encodeHello, encodeOpening, negotiateVersion } from "./hello.js";
import type { Role } from "./proof.js";
import { prove, verify } from "./proof.js";
import type { Refusal } from "./refusal.js";
import { refusalOf, refusals } from "./refusal.js";
import { encodeFrame, kinds, preamble } from "./wire.js";

/** What a handshake needs to know at its start. */
export interface HandshakeSettings {
  readonly role: Role;
  /** With a nonce that was never used before. */
  readonly self: Hello;
  /** The first one proves, all of them verify. */
  readonly secrets: readonly string[];
  /** Names that may answer; empty when whoever answers is welcome. */
  readonly expectedNames: readonly string[];
}

/** What one received frame led to. `send` goes out first, whatever follows. */
export type HandshakeStep =
  | { readonly type: "continue"; readonly send: Buffer }
  | {
      readonly type: "proven";
      readonly send: Buffer | undefined;
      readonly peer: Hello;
      readonly version: number;
    }
  | { readonly type: "refused"; readonly by: "us"; readonly refusal: Refusal; readonly send: Buffer }
  | { readonly type: "refused"; readonly by: "them"; readonly refusal: Refusal; readonly send: undefined };

/** A refuse frame; it tells the versions too, so that an operator sees which side is too old. */
export function encodeRefusal(refusal: Refusal, self: Hello): Buffer {
  return encodeFrame(kinds.refuse, [refusals[refusal].code, self.versionMin, self.versionMax]);
}

/**
 * Proves the secret in both directions. No I/O: frames in, frames out.
 *
 *     dialer -> acceptor  hello
 *     acceptor -> dialer  hello
 *     dialer -> acceptor  proof     the dialer proves first: who only knocks gets nothing to guess the secret from
 *     acceptor -> dialer  proof
 */
export class Handshake {
  readonly #settings: HandshakeSettings;
  readonly #selfBody: Buffer;
  #opened = false;
  #peer: Hello | undefined;
  #peerBody: Buffer = Buffer.alloc(0);
  #version = 0;

  constructor(settings: HandshakeSettings) {
    this.#settings = settings;
    this.#selfBody = encodeHello(settings.self);
  }

  /** What the peer said of itself so far. Unproven. */
  get claimed(): Hello | undefined {
    return this.#peer;
  }

  /** What this side says without being asked. */
  open(): Buffer | undefined {
    if (this.#settings.role === "acceptor") return undefined;
    this.#opened = true;
    return encodeOpening(this.#selfBody);
  }

  /** Takes the next frame of the peer. After "proven" or "refused" it MUST NOT be called again. */
  receive(kind: number, body: Buffer): HandshakeStep {
    if (kind === kinds.refuse) {
      return { type: "refused", by: "them", refusal: refusalOf(body[0]), send: undefined };
    }
    if (this.#peer === undefined) {
      return kind === kinds.hello ? this.#onHello(body) : this.refuse("protocol");
    }
    // A frame of another kind in the place of the proof is somebody who has no secret to prove.
    return kind === kinds.proof ? this.#onProof(this.#peer, body) : this.refuse("secret");
  }

  /** Says no. */
  refuse(refusal: Refusal): HandshakeStep {
    const frame = encodeRefusal(refusal, this.#settings.self);
    const send = this.#opened ? frame : Buffer.concat([preamble, frame]);
    this.#opened = true;
    return { type: "refused", by: "us", refusal, send };
  }

  #onHello(body: Buffer): HandshakeStep {
    const { self, role, secrets, expectedNames } = this.#settings;
    const peer = decodeHello(body);
    if (peer === undefined) return this.refuse("protocol");
    this.#peer = peer;
    this.#peerBody = Buffer.from(body);
    const version = negotiateVersion(
      { min: self.versionMin, max: self.versionMax },
      { min: peer.versionMin, max: peer.versionMax },
    );
    if (version === undefined) return this.refuse("version");
    this.#version = version;
    if (expectedNames.length > 0 && !expectedNames.includes(peer.name)) return this.refuse("name_unexpected");
    if (role === "dialer") {
      // The list is checked to be non-empty with the options.
      const proof = prove(secrets[0] ?? "", "dialer", this.#transcript());
      return { type: "continue", send: encodeFrame(kinds.proof, proof) };
    }
    this.#opened = true;
    return { type: "continue", send: encodeOpening(this.#selfBody) };
  }

  #onProof(peer: Hello, proof: Buffer): HandshakeStep {
    const { role, secrets } = this.#settings;
    const peerRole = role === "dialer" ? "acceptor" : "dialer";
    if (!verify(secrets, peerRole, this.#transcript(), proof)) return this.refuse("secret");
    const send =
      role === "acceptor"
        ? encodeFrame(kinds.proof, prove(secrets[0] ?? "", "acceptor", this.#transcript()))
        : undefined;
    return { type: "proven", send, peer, version: this.#version };
  }

  #transcript() {
    const [dialer, acceptor] =
      this.#settings.role === "dialer" ? [this.#selfBody, this.#peerBody] : [this.#peerBody, this.#selfBody];
    return { version: this.#version, dialer, acceptor };
  }
}
