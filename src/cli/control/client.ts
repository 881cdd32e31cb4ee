import { connect } from "node:net";
import { type ErrorCode, errorTable, SimurghError } from "../../runtime/errors.js";
import { controlPath } from "./folder.js";
import { type ControlRequest, controlLineCharsMax, parseReply } from "./messages.js";

/**
 * Asks the fleet whose door is `port`; `onProgress` hears of what takes long. Rejects with `fleet_not_found` when there
 * is none, with the fleet's own error, and with `control_failed` when it says nothing sensible for `silenceMs`.
 */
export function askFleet(
  port: number,
  request: ControlRequest,
  silenceMs: number,
  onProgress: (line: string) => void = () => {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: controlPath(port) });
    const fail = (error: SimurghError) => {
      reject(error);
      socket.destroy();
    };
    const broken = (message: string) => fail(new SimurghError("control_failed", message));
    let rest = "";
    socket.setEncoding("utf8");
    socket.setTimeout(silenceMs, () => broken(`the fleet did not answer within ${silenceMs / 1000} s`));
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const reply = parseReply(line);
        if (reply === undefined) return broken("the fleet's answer is not to be understood");
        if ("progress" in reply) onProgress(reply.progress);
        else if (!reply.ok) return fail(errorOf(reply.error, reply.code));
        else {
          resolve(reply.result);
          socket.destroy();
        }
      }
      if (rest.length > controlLineCharsMax) broken("the fleet's answer is too long");
    });
    socket.on("error", (cause) => {
      const message = `no fleet has its door at port ${port}; start one with: simurgh up --port ${port}`;
      reject(new SimurghError("fleet_not_found", message, { cause }));
    });
    // After an answer or an error this is without effect.
    socket.on("close", () => broken("the fleet broke off the connection"));
  });
}

function errorOf(message: string, code: string | undefined): SimurghError {
  if (code === undefined || !isErrorCode(code)) {
    return new SimurghError("control_failed", `the fleet answered: ${message}`);
  }
  const begin = `${code}: `;
  return new SimurghError(code, message.startsWith(begin) ? message.slice(begin.length) : message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
