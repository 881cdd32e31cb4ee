import type { Frame } from "../contracts/frame.js";

/** The frame that serializers make: text or bytes, measured once. */
export class EncodedFrame implements Frame {
  readonly text: string | undefined;
  readonly binary: Uint8Array | undefined;
  wire: Uint8Array | undefined = undefined;
  #byteLength = -1;

  private constructor(text: string | undefined, binary: Uint8Array | undefined) {
    this.text = text;
    this.binary = binary;
  }

  /** A text frame. */
  static ofText(text: string): EncodedFrame {
    return new EncodedFrame(text, undefined);
  }

  /** A binary frame; the bytes belong to the frame from now on. */
  static ofBinary(bytes: Uint8Array): EncodedFrame {
    return new EncodedFrame(undefined, bytes);
  }

  get byteLength(): number {
    if (this.#byteLength < 0) {
      this.#byteLength = this.binary?.length ?? Buffer.byteLength(this.text ?? "");
    }
    return this.#byteLength;
  }
}
