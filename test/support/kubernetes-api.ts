import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Certificate } from "./certificates.js";

/** An object of Kubernetes, as its API writes it. */
export type KubernetesObject = Readonly<Record<string, unknown>> & {
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly labels: Readonly<Record<string, string>>;
  };
};

/** How the API answers instead of as it should: a status with headers and body, silence, or a broken connection. */
export type ApiFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | { readonly text: string }
  | "silence"
  | "break";

/** An endpoint of a slice; conditions that are not given are not written. */
export interface EndpointShape {
  readonly ip: string;
  readonly uid?: string;
  readonly conditions?: {
    readonly ready?: boolean;
    readonly serving?: boolean;
    readonly terminating?: boolean;
  };
}

/** An EndpointSlice as its controller writes it. */
export function slice(
  service: string,
  endpoints: readonly (string | EndpointShape)[],
  port: number | null = 7000,
  more: Readonly<Record<string, unknown>> = {},
): KubernetesObject {
  const shapes = endpoints.map((one): EndpointShape => (typeof one === "string" ? { ip: one } : one));
  return {
    addressType: shapes.some(({ ip }) => ip.includes(":")) ? "IPv6" : "IPv4",
    metadata: {
      name: `${service}-x7k2p`,
      namespace: "birds",
      labels: { "kubernetes.io/service-name": service, "app.kubernetes.io/name": service },
    },
    endpoints: shapes.map(({ ip, uid = `uid-of-${ip}`, conditions = { ready: true, serving: true } }) => ({
      addresses: [ip],
      conditions,
      nodeName: "worker-1",
      targetRef: { kind: "Pod", namespace: "birds", name: `chat-${ip}`, uid },
    })),
    ports: port === null ? null : [{ name: "mesh", protocol: "TCP", port }],
    ...more,
  };
}

/** A pod, as far as it is of interest. */
export function pod(
  app: string,
  ip: string | undefined,
  more: {
    readonly ready?: boolean;
    readonly phase?: string;
    readonly deleted?: boolean;
    readonly port?: number;
  } = {},
): KubernetesObject {
  const { ready = true, phase = "Running", deleted = false, port = 7000 } = more;
  return {
    metadata: {
      name: `${app}-${ip}`,
      namespace: "birds",
      uid: `uid-of-${ip}`,
      labels: { app },
      ...(deleted ? { deletionTimestamp: "2030-01-01T00:00:00Z", deletionGracePeriodSeconds: 30 } : {}),
    },
    spec: {
      containers: [{ name: "proxy" }, { name: "chat", ports: [{ name: "mesh", containerPort: port }] }],
    },
    status: {
      phase,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
    },
  };
}

const paths: Readonly<
  Record<string, { readonly list: "slices" | "pods"; readonly kind: string; readonly version: string }>
> = {
  "/apis/discovery.k8s.io/v1/namespaces/birds/endpointslices": {
    list: "slices",
    kind: "EndpointSliceList",
    version: "discovery.k8s.io/v1",
  },
  "/api/v1/namespaces/birds/pods": { list: "pods", kind: "PodList", version: "v1" },
};

/** The part of the API of Kubernetes that lists EndpointSlices and pods of the namespace `birds`, over real TLS. */
export class KubernetesApi {
  readonly #connections = new Set<Duplex>();
  #server: Server | undefined;
  /** What is there. */
  slices: readonly KubernetesObject[] = [];
  pods: readonly KubernetesObject[] = [];
  /** Who is let in, and whether they may list. */
  readonly tokens = new Set<string>();
  forbidden = false;
  /** What is answered instead. */
  fault: ApiFault | undefined;
  /** Rests of lists that were begun are refused so many times. */
  expiredRests = 0;
  /** Path and query of each request. */
  readonly requests: URL[] = [];
  /** Bearer token of each request. */
  readonly presented: string[] = [];

  get url(): string {
    const address = this.#server?.address();
    return `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  async open(certificate: Certificate, port = 0): Promise<void> {
    const server = createServer({ ...certificate }, (request, response) =>
      this.#onRequest(request, response),
    );
    server.on("connection", (socket) => {
      this.#connections.add(socket);
      socket.on("close", () => this.#connections.delete(socket));
    });
    this.#server = server.listen(port, "127.0.0.1");
    await once(server, "listening");
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    const server = this.#server;
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }

  /** The same address with another certificate. */
  async change(certificate: Certificate): Promise<void> {
    const port = Number(new URL(this.url).port);
    await this.close();
    await this.open(certificate, port);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", this.url);
    this.requests.push(url);
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    this.presented.push(token);
    if (this.fault === "silence") return;
    if (this.fault === "break") return void request.socket.destroy();
    if (this.fault !== undefined) return send(response, this.fault);
    if (!this.tokens.has(token)) return send(response, statusOf(401, "Unauthorized", "Unauthorized"));
    const target = paths[url.pathname];
    if (target === undefined)
      return send(response, statusOf(404, "NotFound", "the server could not find the requested resource"));
    if (this.forbidden)
      return send(
        response,
        statusOf(403, "Forbidden", 'User "system:serviceaccount:birds:chat" cannot list resource'),
      );
    send(response, this.#page(url, target));
  }

  #page(
    url: URL,
    { list, kind, version }: { list: "slices" | "pods"; kind: string; version: string },
  ): ApiFault {
    const rest = url.searchParams.get("continue");
    if (rest !== null && url.searchParams.has("resourceVersion"))
      return statusOf(400, "BadRequest", "specifying resource version is not allowed when using continue");
    if (rest !== null && this.expiredRests > 0) {
      this.expiredRests -= 1;
      return statusOf(410, "Expired", "The provided continue parameter is too old");
    }
    const selected = this[list].filter(({ metadata }) =>
      matches(metadata.labels, url.searchParams.get("labelSelector") ?? ""),
    );
    const from = Number(rest ?? 0);
    const limit = Number(url.searchParams.get("limit") ?? selected.length);
    const items = selected.slice(from, from + limit);
    const isMore = from + limit < selected.length;
    const metadata = { resourceVersion: "48151", ...(isMore ? { continue: String(from + limit) } : {}) };
    return { status: 200, body: { kind, apiVersion: version, metadata, items } };
  }
}

/** An object of kind Status, with which the API refuses. */
export function statusOf(status: number, reason: string, message: string): ApiFault {
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code: status,
  };
  return { status, body };
}

function send(response: ServerResponse, fault: ApiFault): void {
  if (typeof fault === "string") return;
  if ("text" in fault) return void response.writeHead(200).end(fault.text);
  response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
  response.end(fault.body === undefined ? "" : JSON.stringify(fault.body));
}

function matches(labels: Readonly<Record<string, string>>, selector: string): boolean {
  return selector.split(",").every((term) => {
    const [, key = "", sign, value = ""] = /^([^=!]+)(!=|==?)(.*)$/.exec(term) ?? [];
    return sign === "!=" ? labels[key] !== value : labels[key] === value;
  });
}

/** The folder of a service account, whose files change as Kubernetes changes them: all at once, by a link. */
export class ServiceAccountFolder {
  readonly path = mkdtempSync(join(tmpdir(), "simurgh-account-"));
  #versions = 0;

  publish(files: { readonly token: string; readonly ca: string; readonly namespace?: string }): void {
    this.#versions += 1;
    const version = `..${this.#versions}`;
    const all = { token: files.token, "ca.crt": files.ca, namespace: files.namespace ?? "birds" };
    mkdirSync(join(this.path, version));
    for (const [name, content] of Object.entries(all)) {
      writeFileSync(join(this.path, version, name), content);
      if (this.#versions === 1) symlinkSync(join("..data", name), join(this.path, name));
    }
    symlinkSync(version, join(this.path, "..data_tmp"));
    renameSync(join(this.path, "..data_tmp"), join(this.path, "..data"));
    rmSync(join(this.path, `..${this.#versions - 1}`), { recursive: true, force: true });
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
