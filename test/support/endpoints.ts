import { afterEach } from "vitest";
import { createEndpoint, type Endpoint, type EndpointOptions } from "../../src/create-endpoint.js";
import { silentLogger } from "../../src/edges/system/logger.js";

/** An endpoint that listens. */
export interface Listening {
  readonly endpoint: Endpoint;
  readonly port: number;
}

/** Starts endpoints on loopback, on free ports where none is said, and stops them after each test. To be called within `describe`. */
export function useEndpoints(): (options: EndpointOptions, port?: number) => Promise<Listening> {
  const started: Endpoint[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((endpoint) => endpoint.stop()));
  });
  return async (options, wanted = 0) => {
    const endpoint = createEndpoint({ logger: silentLogger, ...options });
    started.push(endpoint);
    const { port } = await endpoint.listen({ port: wanted, host: "127.0.0.1" });
    return { endpoint, port };
  };
}
