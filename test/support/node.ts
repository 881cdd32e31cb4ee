import type { LogFields, Logger } from "../../src/contracts/logger.js";
import type { PubSubAdapter } from "../../src/contracts/pubsub-adapter.js";
import type { Json } from "../../src/core/shared/json.js";
import type { Handshake } from "../../src/runtime/connect-request.js";
import { EndpointCore, type EndpointCoreOptions } from "../../src/runtime/endpoint.js";
import type { MountOptions } from "../../src/runtime/endpoint-options.js";
import type { MountedSocket } from "../../src/runtime/mounted-socket.js";
import type { Session } from "../../src/runtime/session.js";
import type { SocketRoutes } from "../../src/runtime/socket-definition.js";
import { FakeAdapter } from "./fake-adapter.js";
import { FakeClock } from "./fake-clock.js";
import { FakeSink } from "./fake-sink.js";

/** Lets this turn of the event loop end: what can settle without time or network has settled. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** V2 messages without their payloads, each as one line: join_ref, ref, topic, event; the status of replies. */
export function heads(messages: readonly unknown[]): string[] {
  return messages.map((message) => {
    // V2 messages are lists of five.
    const [joinRef, ref, topic, event, payload] = message as [
      string,
      string,
      string,
      string,
      { status?: string },
    ];
    const status = event === "phx_reply" ? ` ${payload.status}` : "";
    return `${joinRef} ${ref} ${topic} ${event}${status}`;
  });
}

/** One line of a {@link MemoryLogger}. */
export interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }

  /** Messages of the lines of a level. */
  at(level: keyof Logger): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}

/** A handshake as a transport makes it. */
export function handshake(overrides: Partial<Handshake> = {}): Handshake {
  return {
    transport: "websocket",
    method: "GET",
    target: "/socket/websocket?vsn=2.0.0",
    headers: { host: "app.example:4000" },
    peer: { address: "192.0.2.7", port: 5678 },
    secure: false,
    pathParams: {},
    ...overrides,
  };
}

/** A client whose connection is a {@link FakeSink}. It speaks V2 unless told otherwise. */
export class FakeClient {
  readonly sink: FakeSink;
  readonly session: Session;

  constructor(session: Session, sink: FakeSink) {
    this.session = session;
    this.sink = sink;
  }

  /** Sends one message: its elements for V2, an object for V1, a text as it is. */
  send(message: readonly Json[] | object | string): void {
    this.session.onText(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Joins with a ref and gives back what the server has sent since. */
  async join(topic: string, ref = "1", params: Json = {}): Promise<unknown[]> {
    this.send([ref, ref, topic, "phx_join", params]);
    return this.received();
  }

  /** What the server has sent since the last call, at the end of this turn. */
  async received(): Promise<unknown[]> {
    // What this turn makes a handler do is flushed in the next.
    await turn();
    await turn();
    const messages = this.sink.messages;
    this.sink.writes.length = 0;
    return messages;
  }

  /** The connection is gone. */
  hangUp(): void {
    this.session.onClose();
  }
}

/** A running node of one mounted socket, over fakes. */
export interface FakeNode<Adapter extends PubSubAdapter = FakeAdapter> {
  readonly core: EndpointCore;
  readonly mount: MountedSocket;
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
  readonly adapter: Adapter;
  /** Opens a connection. Fails the test when it is refused. */
  connect(overrides?: Partial<Handshake>): Promise<FakeClient>;
}

/** Makes a node of one socket at `/socket` and starts it. */
export async function startNode(
  socket: SocketRoutes,
  options: Omit<MountOptions, "socket"> &
    Pick<Partial<EndpointCoreOptions>, "drain" | "host" | "auth" | "guards"> = {},
): Promise<FakeNode> {
  return startNodeOn(new FakeAdapter(), socket, options);
}

/** As {@link startNode}, on an adapter, and perhaps a clock, that it shares with others. */
export async function startNodeOn<Adapter extends PubSubAdapter>(
  adapter: Adapter,
  socket: SocketRoutes,
  options: Omit<MountOptions, "socket"> &
    Pick<Partial<EndpointCoreOptions>, "drain" | "host" | "auth" | "name" | "guards" | "presence"> = {},
  clock = new FakeClock(),
): Promise<FakeNode<Adapter>> {
  const { drain = {}, host, auth, guards, presence, name = "n1@test", ...mounted } = options;
  const logger = new MemoryLogger();
  const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
  const sockets = { "/socket": { ...mounted, socket } };
  const surroundings = { adapter, drain, auth, presence, clock, random, logger, signerFor: undefined };
  const core = new EndpointCore({ name, host, sockets, ...surroundings, ...(guards && { guards }) });
  await core.start();
  const mount = core.mounts[0];
  if (mount === undefined) throw new Error("a node has the socket that it was given");
  const connect = async (overrides: Partial<Handshake> = {}): Promise<FakeClient> => {
    const decision = await mount.connect(handshake(overrides));
    if (decision.kind === "refused") throw new Error(`refused with ${decision.answer.status}`);
    const sink = new FakeSink();
    return new FakeClient(mount.open(decision, "websocket", sink), sink);
  };
  return { core, mount, clock, logger, adapter, connect };
}
