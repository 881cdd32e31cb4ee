import net from "node:net";
import { onTestFinished } from "vitest";

/** A TCP relay between nodes that can fall silent, as a cable that was pulled: nobody is told. */
export class Relay {
  readonly address: string;
  readonly #server: net.Server;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  #silent = false;

  private constructor(server: net.Server, target: string) {
    this.#server = server;
    this.address = `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
    const [host, port] = target.split(":");
    server.on("connection", (near) => this.#join(near, net.connect({ host, port: Number(port) })));
  }

  /** Listens on a free port and passes everything on to `target`. */
  static async start(target: string): Promise<Relay> {
    const server = net.createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const relay = new Relay(server, target);
    onTestFinished(() => relay.close());
    return relay;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Passes nothing on any more, in either direction; what arrives is lost. New connections hang, too. */
  silence(): void {
    this.#silent = true;
  }

  /** Passes on again what arrives from now on, on new connections; the old ones are cut. */
  heal(): void {
    this.#silent = false;
    this.cut();
  }

  /** Resets every connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }

  #join(near: net.Socket, far: net.Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on("data", (bytes) => void (this.#silent || to.write(bytes)));
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        if (!this.#silent) to.destroy();
      });
    }
  }
}
