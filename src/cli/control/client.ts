import { connect } from "node:net";
import { SimurghError } from "../../runtime/errors.js";
import { controlPath } from "./folder.js";
import { type ControlRequest, controlLineCharsMax, parseReply } from "./messages.js";

/**
 * Asks the fleet whose door is `port`. Rejects with `fleet_not_found` when there is none, and with `control_failed`
 * when it does not answer properly within `limitMs`.
 */
export async function askFleet(port: number, request: ControlRequest, limitMs: number): Promise<unknown> {
  const line = await exchange(port, `${JSON.stringify(request)}\n`, limitMs);
  const reply = parseReply(line);
  if (reply === undefined)
    throw new SimurghError("control_failed", "the fleet's answer is not to be understood");
  if (!reply.ok) throw new SimurghError("control_failed", `the fleet answered: ${reply.error}`);
  return reply.result;
}

function exchange(port: number, request: string, limitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: controlPath(port) });
    const fail = (message: string) => {
      reject(new SimurghError("control_failed", message));
      socket.destroy();
    };
    const timer = setTimeout(() => fail(`the fleet did not answer within ${limitMs / 1000} s`), limitMs);
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(request));
    socket.on("data", (text: string) => {
      answer += text;
      const end = answer.indexOf("\n");
      if (end < 0 && answer.length <= controlLineCharsMax) return;
      if (end < 0) return fail("the fleet's answer is too long");
      resolve(answer.slice(0, end));
      socket.destroy();
    });
    socket.on("error", (cause) => {
      const message = `no fleet has its door at port ${port}; start one with: simurgh up --port ${port}`;
      reject(new SimurghError("fleet_not_found", message, { cause }));
    });
    socket.on("close", () => {
      clearTimeout(timer);
      // After an answer or an error this is without effect.
      fail("the fleet broke off the connection");
    });
  });
}
