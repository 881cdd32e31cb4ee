import { SimurghError } from "../../runtime/errors.js";
import { secretVariable } from "../fleet/messages.js";

const secretBytesMin = 16;

/** The address of a coordinator, with the secret that the environment holds for it. */
export function joinAddress(text: string): { host: string; port: number; secret: string } {
  const [, host = "", port = ""] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === "" || Number(port) > 65_535) {
    throw new SimurghError("load_worker_failed", `${text} is no address such as 10.0.0.5:4700`);
  }
  const secret = process.env[secretVariable] ?? "";
  if (Buffer.byteLength(secret) < secretBytesMin) {
    throw new SimurghError(
      "load_worker_failed",
      `workers of other machines prove a secret: set ${secretVariable} to the same ${secretBytesMin} bytes or more on all`,
    );
  }
  return { host, port: Number(port), secret };
}
