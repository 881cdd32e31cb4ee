import { type Channel, Socket, type SocketConnectOption } from "phoenix";
import { WebSocket } from "ws";
import { collect, joinTopic } from "../phoenix-clients.js";
import { until } from "../wait.js";
import type { HostNode } from "./host-node.js";

/** A WebSocket that goes through the door of a node instead of to the host of its address. */
const through = (door: string): SocketConnectOption["transport"] => {
  class DoorSocket extends WebSocket {
    constructor(address: string, protocols?: string | string[]) {
      const { pathname, search } = new URL(address);
      super(`ws+unix:${door}:${pathname}${search}`, protocols);
    }
  }
  // `ws` has the interface of a browser's WebSocket.
  return DoorSocket as unknown as SocketConnectOption["transport"];
};

interface Said {
  readonly from: string;
  readonly n: number;
}

/** An official client on one node that says 1, 2, 3, … and hears what everybody says. */
export class LoadClient {
  readonly name: string;
  readonly heard: readonly Said[];
  readonly #socket: Socket;
  readonly #channel: Channel;
  #timer: NodeJS.Timeout | undefined;
  said = 0;

  private constructor(name: string, socket: Socket, channel: Channel) {
    this.name = name;
    this.#socket = socket;
    this.#channel = channel;
    // The application broadcasts what this client says, with the name of its node.
    this.heard = collect(channel, "say") as readonly Said[];
  }

  static async join(node: HostNode, topic: string): Promise<LoadClient> {
    const socket = new Socket(`ws://${node.label}/socket`, { transport: through(node.door) });
    socket.connect();
    return new LoadClient(await node.name(), socket, await joinTopic(socket, topic));
  }

  say(): void {
    this.said += 1;
    this.#channel.push("say", { n: this.said });
  }

  begin(everyMs: number): void {
    this.#timer = setInterval(() => this.say(), everyMs);
  }

  /** Says one thing more and falls silent. */
  end(): void {
    clearInterval(this.#timer);
    this.say();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#socket.disconnect();
  }

  /** What it heard from one node, in order. */
  from(name: string): number[] {
    return this.heard.filter((said) => said.from === name).map(({ n }) => n);
  }
}

/** Clients of several nodes that all talk at the same time. */
export class Load {
  readonly clients: LoadClient[] = [];
  readonly #topic: string;

  constructor(topic: string) {
    this.#topic = topic;
  }

  async join(nodes: readonly HostNode[]): Promise<void> {
    this.clients.push(...(await Promise.all(nodes.map((node) => LoadClient.join(node, this.#topic)))));
  }

  begin(everyMs: number): void {
    for (const client of this.clients) client.begin(everyMs);
  }

  /** Waits until everybody has heard that many more messages of everybody. */
  async more(count: number, timeoutMs = 20_000): Promise<void> {
    const goals = this.clients.map(({ heard }) => heard.length + count * this.clients.length);
    await until(
      () => this.clients.every(({ heard }, i) => heard.length >= (goals[i] ?? 0)),
      `${count} messages more of each`,
      timeoutMs,
    );
  }

  /** How long it takes until everybody has heard what the first client says, in milliseconds; the others are silent. */
  async trip(): Promise<number> {
    const [first, ...others] = this.clients;
    if (first === undefined) throw new Error("nobody has joined");
    const saidMs = performance.now();
    first.say();
    await until(() => others.every((client) => client.from(first.name).at(-1) === first.said), "a trip");
    return performance.now() - saidMs;
  }

  /** Everybody says a last thing; waits until everybody has heard all of them. */
  async end(): Promise<void> {
    for (const client of this.clients) client.end();
    await until(
      () =>
        this.clients.every((hearer) =>
          this.clients.every(({ name, said }) =>
            hearer.heard.some(({ from, n }) => from === name && n === said),
          ),
        ),
      "everybody has heard the last of everybody",
    );
  }

  close(): void {
    for (const client of this.clients) client.close();
  }

  /** What is wrong with what was heard, in words: each publisher's numbers must come in order, each once, from `first` on. */
  faults(first: (hearer: LoadClient, speaker: LoadClient) => number): string[] {
    return this.clients.flatMap((hearer) =>
      this.clients.flatMap((speaker) => {
        const numbers = hearer.from(speaker.name);
        const start = first(hearer, speaker);
        const at = numbers.findIndex((n, i) => n !== start + i);
        const isWhole = at < 0 && numbers.length === speaker.said - start + 1;
        if (isWhole) return [];
        const around = numbers.slice(Math.max(0, at - 2), at + 3).join(" ");
        return [
          `${hearer.name} heard of ${speaker.name} ${numbers.length} from ${start} to ${speaker.said}: … ${around} …`,
        ];
      }),
    );
  }
}
