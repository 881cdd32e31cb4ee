import { readFileSync } from "node:fs";
import type { Endpoint } from "simurgh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createConformanceServer } from "../../examples/conformance/src/server.js";
import { silentLogger } from "../../src/edges/system/logger.js";
import { hubEngine } from "../support/hub-engine.js";
import { until } from "../support/wait.js";
import { nextJson, openLongPoll, openWire, sendJson, type WireClient } from "../support/wire-client.js";

/** One step of a transcript: what the client sends, what the server must answer, what happens on the server. */
type Step =
  | { readonly send: unknown }
  | { readonly sendHex: string }
  /** A line of newline-delimited JSON, as long poll carries it. */
  | { readonly line: string }
  | { readonly receive: unknown }
  | { readonly receiveHex: string }
  | { readonly silence: true }
  | { readonly closed: number }
  | { readonly server: "disconnect"; readonly id: string }
  | { readonly server: "drain" };

interface Transcript {
  readonly name: string;
  readonly params?: Record<string, string>;
  /** Topics that the client has joined before, each with its join_ref. */
  readonly joined?: readonly (readonly [joinRef: string, topic: string])[];
  readonly steps: readonly Step[];
  /** Steps over long poll, where they differ. */
  readonly longpoll?: readonly Step[];
}

interface Transcripts {
  readonly vsn: string;
  readonly transcripts: readonly Transcript[];
}

const folder = new URL("../../examples/conformance/transcripts/", import.meta.url);
const files = ["v1.json", "v2.json", "v2-binary.json"].map((file): Transcripts & { file: string } => ({
  file,
  ...JSON.parse(readFileSync(new URL(file, folder), "utf8")),
}));

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

/** Proves that nothing has been sent: the answer to a heartbeat is the very next frame. */
async function expectSilence(client: WireClient, vsn: string): Promise<void> {
  const v1 = vsn === "1.0.0";
  const heartbeat = { topic: "phoenix", event: "heartbeat", payload: {}, ref: "silence" };
  await sendJson(client, v1 ? heartbeat : [null, "silence", "phoenix", "heartbeat", {}]);
  const answer = await nextJson(client);
  const payload = { response: {}, status: "ok" };
  const reply = { topic: "phoenix", event: "phx_reply", payload, ref: "silence" };
  expect(answer).toEqual(v1 ? reply : [null, "silence", "phoenix", "phx_reply", payload]);
}

interface Scene {
  readonly endpoint: Endpoint;
  readonly client: WireClient;
  readonly vsn: string;
  /** The codes that a closed connection may have, by the code that a WebSocket is closed with. */
  readonly closeCodes: (code: number) => readonly number[];
}

async function play(step: Step, { endpoint, client, vsn, closeCodes }: Scene): Promise<void> {
  if ("send" in step) return sendJson(client, step.send);
  if ("sendHex" in step) return client.send(bytes(step.sendHex));
  if ("line" in step) return client.send(Buffer.from(step.line, "base64"));
  if ("receive" in step) return expect(await nextJson(client)).toEqual(step.receive);
  if ("receiveHex" in step) return expect(await client.next()).toEqual(bytes(step.receiveHex));
  if ("silence" in step) return expectSilence(client, vsn);
  if ("closed" in step) {
    await until(() => client.closing, "the connection is closed");
    return expect(closeCodes(step.closed)).toContain(client.closing?.code);
  }
  if (step.server === "disconnect") return endpoint.disconnect(step.id);
  await endpoint.drain();
}

async function join(client: WireClient, joinRef: string, topic: string): Promise<void> {
  await sendJson(client, [joinRef, joinRef, topic, "phx_join", {}]);
  const payload = { response: {}, status: "ok" };
  expect(await nextJson(client)).toEqual([joinRef, joinRef, topic, "phx_reply", payload]);
}

interface Transport {
  readonly name: string;
  readonly path: string;
  /** The first port is that of the endpoint of the scene. */
  readonly open: (ports: readonly number[], target: string) => Promise<WireClient>;
  readonly closeCodes: (code: number) => readonly number[];
}

const websocket: Transport = {
  name: "WebSocket",
  path: "/socket/websocket",
  open: ([port = 0], target) => openWire(port, target),
  closeCodes: (code) => [code],
};
const longPoll: Transport = {
  name: "long poll",
  path: "/socket/longpoll",
  open: ([port = 0], target) => openLongPoll(port, target),
  // While it is polled, and afterwards.
  closeCodes: () => [500, 410],
};
const longPollAnywhere: Transport = {
  ...longPoll,
  name: "long poll, each request at the next node",
  open: (ports, target) => {
    let requests = 0;
    return openLongPoll(0, target, { ports: () => ports[requests++ % ports.length] ?? 0 });
  },
};

describe.each([websocket, longPoll, longPollAnywhere])("golden transcripts over $name", (transport) => {
  const { path, open, closeCodes } = transport;
  describe.each(files)("$file", ({ vsn, transcripts }) => {
    const endpoints: Endpoint[] = [];
    const ports: number[] = [];
    beforeAll(async () => {
      const cluster = await hubEngine().createCluster();
      for (const name of ["n1@test", "n2@test", "n3@test"]) {
        const pubsub = cluster.createAdapter();
        const settings = { name, pubsub, secretKeyBase: "one secret for all nodes", windowMs: 5_000 };
        const endpoint = createConformanceServer({ ...settings, logger: silentLogger });
        endpoints.push(endpoint);
        ports.push((await endpoint.listen({ port: 0, host: "127.0.0.1" })).port);
      }
    });
    afterAll(() => Promise.all(endpoints.map((endpoint) => endpoint.stop())));

    test.each(transcripts)("$name", async ({ params, joined = [], steps, longpoll }) => {
      const [endpoint] = endpoints;
      if (endpoint === undefined) throw new Error("no endpoint");
      const client = await open(ports, `${path}?${new URLSearchParams({ vsn, ...params })}`);
      try {
        for (const [joinRef, topic] of joined) await join(client, joinRef, topic);
        const scene: Scene = { endpoint, client, vsn, closeCodes };
        for (const step of (transport !== websocket && longpoll) || steps) await play(step, scene);
      } finally {
        client.close();
      }
    });
  });
});
