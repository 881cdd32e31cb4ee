import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/** What a server does wrong, told for each broadcast and receiver: numbers count from 0 for each receiver. */
export interface Faults {
  /** How often a receiver gets its `n`th broadcast. Default once. */
  copies?(n: number, receiver: number): number;
  /** Whether a receiver gets its `n`th broadcast after the next one, unless that is of the same sender with `strangersOnly`. */
  swaps?(n: number, receiver: number): boolean;
  strangersOnly?: boolean;
  /** Answers a join: `ok`, an error's reason, or undefined for no answer. */
  join?(receiver: number): string | undefined;
  /** Answers heartbeats. Default true. */
  heartbeats?: boolean;
}

interface Receiver {
  readonly number: number;
  readonly ws: WebSocket;
  joined: string | undefined;
  count: number;
  held: { frame: string; sender: number } | undefined;
}

/** A server that speaks just enough of Phoenix to be wrong in a known way. */
export class FaultyServer {
  readonly #server: WebSocketServer;
  readonly #receivers = new Set<Receiver>();
  readonly #faults: Faults;
  #numbers = 0;
  /** Copies that were sent, and those that were withheld, doubled or swapped on purpose. */
  readonly done = { sent: 0, withheld: 0, doubled: 0, swapped: 0, broadcasts: 0 };

  private constructor(server: WebSocketServer, faults: Faults) {
    this.#server = server;
    this.#faults = faults;
    server.on("connection", (ws) => this.#onConnection(ws));
  }

  /** Starts one on a free port. */
  static async start(faults: Faults = {}): Promise<FaultyServer> {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    return new FaultyServer(server, faults);
  }

  /** Where it is. */
  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/socket`;
  }

  /** Ends all connections without a word. */
  cut(): void {
    for (const { ws } of this.#receivers) ws.terminate();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onConnection(ws: WebSocket): void {
    const receiver: Receiver = { number: this.#numbers++, ws, joined: undefined, count: 0, held: undefined };
    this.#receivers.add(receiver);
    ws.on("close", () => this.#receivers.delete(receiver));
    ws.on("message", (data) => {
      const [joinRef, ref, topic, event, payload] = JSON.parse(String(data));
      const reply = (status: string, response: unknown) =>
        ws.send(JSON.stringify([joinRef, ref, topic, "phx_reply", { status, response }]));
      if (event === "heartbeat") {
        if (this.#faults.heartbeats !== false) reply("ok", {});
      } else if (event === "phx_join") {
        const answer = this.#faults.join === undefined ? "ok" : this.#faults.join(receiver.number);
        if (answer === "ok") receiver.joined = topic;
        if (answer !== undefined)
          reply(answer === "ok" ? "ok" : "error", answer === "ok" ? {} : { reason: answer });
      } else {
        this.done.broadcasts += 1;
        this.#broadcast(topic, JSON.stringify([null, null, topic, event, payload]), receiver.number);
      }
    });
  }

  #broadcast(topic: string, frame: string, sender: number): void {
    for (const receiver of this.#receivers) {
      if (receiver.joined !== topic) continue;
      const n = receiver.count++;
      if (this.#faults.strangersOnly === true && receiver.held?.sender === sender) this.#release(receiver);
      if (this.#faults.swaps?.(n, receiver.number) === true) {
        receiver.held = { frame, sender };
        this.done.swapped += 1;
        continue;
      }
      const copies = this.#faults.copies?.(n, receiver.number) ?? 1;
      this.done.sent += copies;
      if (copies === 0) this.done.withheld += 1;
      this.done.doubled += Math.max(0, copies - 1);
      for (let copy = 0; copy < copies; copy++) receiver.ws.send(frame);
      this.#release(receiver);
    }
  }

  #release(receiver: Receiver): void {
    if (receiver.held !== undefined) receiver.ws.send(receiver.held.frame);
    receiver.held = undefined;
  }
}
