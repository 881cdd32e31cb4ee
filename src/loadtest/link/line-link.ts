import type { Socket } from "node:net";

/** Characters of one message at most. */
const messageCharsMax = 268_435_456;

/** Messages as lines of JSON over a TCP connection. */
export class LineLink {
  readonly #socket: Socket;
  #charsMax: number;
  #parts: string[] = [];
  #length = 0;
  #onMessage: (message: unknown) => void = () => {};
  #onEnd: (reason: string) => void = () => {};
  #takeKept = () => {};
  #over = false;

  /** `charsMax` bounds a message until {@link trust} is called. */
  constructor(socket: Socket, charsMax: number) {
    this.#socket = socket;
    this.#charsMax = charsMax;
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#onText(text));
    socket.on("error", (error) => this.end(error.message));
    socket.on("close", () => this.end("the connection ended"));
  }

  /** The peer has proved who it is: its messages may be large, and are kept until somebody listens anew. */
  trust(): void {
    this.#charsMax = messageCharsMax;
    const kept: unknown[] = [];
    let ended: string | undefined;
    this.#onMessage = (message) => kept.push(message);
    this.#onEnd = (reason) => {
      ended = reason;
    };
    this.#takeKept = () => {
      for (const message of kept) this.#onMessage(message);
      if (ended !== undefined) this.#onEnd(ended);
    };
  }

  /** Takes the messages from now on, and those that were kept. */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: string) => void): void {
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
    const take = this.#takeKept;
    this.#takeKept = () => {};
    take();
  }

  /** Sends one message. */
  send(message: unknown): void {
    if (!this.#over) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Ends the connection once what was sent is out. */
  close(): void {
    this.#socket.end();
  }

  /** Ends it at once. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.#onEnd(reason);
  }

  #onText(text: string): void {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = [...this.#parts, line].join("");
      this.#parts = [];
      this.#length = 0;
      this.#onLine(whole);
      if (this.#over) return;
    }
    if (last === "") return;
    this.#parts.push(last);
    this.#length += last.length;
    if (this.#length > this.#charsMax) this.end("a message too long");
  }

  #onLine(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.end("a message that is no JSON");
      return;
    }
    this.#onMessage(message);
  }
}
