import { SimurghError } from "../../../runtime/errors.js";

/** A server of one pool as HAProxy has it. */
export interface ActualServer {
  readonly pool: string;
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** By its checks: it does not answer, it takes connections, or something in between. */
  readonly operation: "stopped" | "running" | "other";
  /** It was put into maintenance or drain by a command. */
  readonly isHeldBack: boolean;
  readonly isChecked: boolean;
}

/** The command whose answer {@link parseServersState} reads. */
export const showState = "show servers state";

/** Bits of HAProxy's `srv_admin_state`: forced into maintenance, or into drain. */
const heldBackBits = 0x01 | 0x08;
/** What `srv_op_state` says. */
const operations = new Map<number, ActualServer["operation"]>([
  [0, "stopped"],
  [2, "running"],
]);
/** The bit of `srv_check_state` that says that checks are on. */
const checkedBit = 0x04;

/** Reads the table of `show servers state`. Throws `balancer_unreachable` when it is something else. */
export function parseServersState(text: string): ActualServer[] {
  const [, head = "", ...lines] = text.split("\n").filter((line) => line !== "");
  const columns = head.replace(/^# /, "").split(" ");
  const at = (name: string) => {
    const place = columns.indexOf(name);
    if (place >= 0) return place;
    throw garbage(showState, text);
  };
  const places = {
    pool: at("be_name"),
    key: at("srv_name"),
    host: at("srv_addr"),
    port: at("srv_port"),
    weight: at("srv_uweight"),
    operation: at("srv_op_state"),
    admin: at("srv_admin_state"),
    check: at("srv_check_state"),
  };
  return lines.map((line) => {
    const cells = line.split(" ");
    const number = (place: number) => {
      const value = Number(cells[place] ?? "");
      if (Number.isInteger(value)) return value;
      throw garbage(showState, line);
    };
    return {
      pool: cells[places.pool] ?? "",
      key: cells[places.key] ?? "",
      host: cells[places.host] ?? "",
      port: number(places.port),
      weight: number(places.weight),
      operation: operations.get(number(places.operation)) ?? "other",
      isHeldBack: (number(places.admin) & heldBackBits) !== 0,
      isChecked: (number(places.check) & checkedBit) !== 0,
    };
  });
}

/** The error for an answer that makes no sense. */
export function garbage(command: string, answer: string): SimurghError {
  const shown = JSON.stringify(answer.slice(0, 80));
  return new SimurghError("balancer_unreachable", `HAProxy answered "${command}" with ${shown}`);
}
