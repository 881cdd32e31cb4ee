import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Certificate } from "./certificates.js";

const cost = "controller.kubernetes.io/pod-deletion-cost";

interface Pod {
  readonly name: string;
  readonly ip: string;
  annotations: Record<string, string>;
}

/** The part of the API of Kubernetes that scales the deployment `chat` of the namespace `birds`, over real TLS. */
export class ScaleApi {
  #server: Server | undefined;
  #version = 100;
  #made = 0;
  pods: Pod[] = [];
  /** Status of every answer instead of what it should be. */
  fault: number | undefined;
  /** Requests are not answered at all. */
  silent = false;
  /** So many orders find that somebody else was quicker. */
  conflicts = 0;
  /** Pods may not be changed. */
  forbidsPods = false;
  /** Method and path of each request. */
  readonly requests: string[] = [];

  get url(): string {
    const address = this.#server?.address();
    return `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  async open(certificate: Certificate, replicas: number): Promise<void> {
    this.scale(replicas);
    this.#server = createServer({ ...certificate }, (request, response) => {
      void this.#answer(request, response);
    }).listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** What the controllers do: new pods, or the pods go whose deletion costs the least. */
  scale(replicas: number): void {
    this.#version += 1;
    while (this.pods.length < replicas) {
      this.#made += 1;
      this.pods.push({ name: `chat-${this.#made}`, ip: `10.0.0.${this.#made}`, annotations: {} });
    }
    const costOf = ({ annotations }: Pod) => Number(annotations[cost] ?? 0);
    const dearest = [...this.pods].sort((a, b) => costOf(b) - costOf(a)).slice(0, replicas);
    this.pods = this.pods.filter((pod) => dearest.includes(pod));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url ?? "", this.url);
    this.requests.push(`${request.method} ${url.pathname}`);
    if (this.silent) return;
    const send = (status: number, json: object) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    const refuse = (code: number, message: string) =>
      send(code, { kind: "Status", apiVersion: "v1", status: "Failure", message, code });
    if (this.fault !== undefined) return refuse(this.fault, "it does not work");
    if (request.headers.authorization !== "Bearer a-token") return refuse(401, "Unauthorized");
    const isPatch = request.method === "PATCH";
    if (isPatch && request.headers["content-type"] !== "application/merge-patch+json") {
      return refuse(415, "the body of the request was in an unknown format");
    }
    if (url.pathname === "/apis/apps/v1/namespaces/birds/deployments/chat/scale") {
      return isPatch ? this.#patchScale(JSON.parse(body), send, refuse) : send(200, this.#scale());
    }
    if (url.pathname === "/api/v1/namespaces/birds/pods") {
      if (url.searchParams.get("labelSelector") !== "app=chat") return refuse(400, "no such selector");
      return send(200, { kind: "PodList", apiVersion: "v1", metadata: {}, items: this.pods.map(podObject) });
    }
    const pod = this.pods.find(({ name }) => url.pathname === `/api/v1/namespaces/birds/pods/${name}`);
    if (pod === undefined || !isPatch) return refuse(404, `${url.pathname} not found`);
    if (this.forbidsPods) return refuse(403, "cannot patch resource pods");
    const value = JSON.parse(body).metadata.annotations[cost];
    const { [cost]: _, ...others } = pod.annotations;
    pod.annotations = value === null ? others : { ...others, [cost]: value };
    return send(200, podObject(pod));
  }

  #patchScale(
    patch: { metadata: { resourceVersion: string }; spec: { replicas: number } },
    send: (status: number, json: object) => void,
    refuse: (status: number, message: string) => void,
  ): void {
    if (this.conflicts > 0) {
      this.conflicts -= 1;
      this.#version += 1;
    }
    if (patch.metadata.resourceVersion !== String(this.#version)) {
      return refuse(409, "the object has been modified; please apply your changes to the latest version");
    }
    this.scale(patch.spec.replicas);
    send(200, this.#scale());
  }

  #scale(): object {
    const replicas = this.pods.length;
    return {
      kind: "Scale",
      apiVersion: "autoscaling/v1",
      metadata: { name: "chat", namespace: "birds", resourceVersion: String(this.#version) },
      spec: replicas === 0 ? {} : { replicas },
      status: { replicas, selector: "app=chat" },
    };
  }
}

function podObject({ name, ip, annotations }: Pod): object {
  return {
    metadata: { name, namespace: "birds", labels: { app: "chat" }, annotations },
    status: { phase: "Running", podIP: ip, podIPs: [{ ip }] },
  };
}
