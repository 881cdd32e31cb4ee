import { type IncomingHttpHeaders, request } from "node:http";
import type { Address } from "../../../contracts/network.js";

/** Bytes of an answer's body that are kept; an answer that is longer counts as none. */
const bodyBytesMax = 65_536;

/** What came back from {@link probe}. */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Why no answer came: nobody listens there, or something else went wrong or took too long. */
export type ProbeFailure = "refused" | "failed";

/** Asks `GET path` on a connection of its own. Never rejects; a fault of the other side is a value. */
export function probe(
  address: Address,
  path: string,
  timeoutMs: number,
): Promise<ProbeAnswer | ProbeFailure> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: address.host,
      port: address.port,
      path,
      agent: false,
      headers: { connection: "close" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "ECONNREFUSED" ? "refused" : "failed");
    });
    outgoing.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
        if (body.length > bodyBytesMax) outgoing.destroy();
      });
      response.on("end", () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body });
      });
      response.on("close", () => resolve("failed"));
      response.on("error", () => resolve("failed"));
    });
    outgoing.end();
  });
}
