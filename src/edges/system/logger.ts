import type { LogFields, Logger } from "../../contracts/logger.js";

const severity = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 } as const;

/** The least severe level that is still written; `silent` writes nothing. */
export type LogLevel = keyof typeof severity;

/** Settings of {@link lineLogger}. */
export interface LineLoggerOptions {
  /** Default: "info". */
  readonly level?: LogLevel;
  /** Fields that every line carries, such as the node's name. */
  readonly fields?: LogFields;
  /** Where whole lines go, newline included. Default: stderr. */
  readonly write?: (line: string) => void;
  /** Wall clock in milliseconds. Default: the machine's. */
  readonly now?: () => number;
}

/** Characters after which a value must be quoted so that a line stays one line and its fields can be told apart. */
const needsQuotes = /[\s"=\\\p{Cc}]|^$/u;

function formatFields(fields: LogFields): string {
  let text = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const plain = String(value);
    text += ` ${key}=${needsQuotes.test(plain) ? JSON.stringify(plain) : plain}`;
  }
  return text;
}

/** One log line: time, level, message, key=value. Peers choose some of the values, so none can break the line. */
export function formatLine(timeMs: number, level: string, message: string, fields?: LogFields): string {
  const time = new Date(timeMs).toISOString();
  const safeMessage = message.replace(/\p{Cc}/gu, " ");
  return `${time} ${level.toUpperCase().padEnd(5)} ${safeMessage}${fields ? formatFields(fields) : ""}\n`;
}

/** A logger that writes plain lines. */
export function lineLogger(options: LineLoggerOptions = {}): Logger {
  const threshold = severity[options.level ?? "info"];
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const now = options.now ?? (() => Date.now());
  const log = (level: keyof Logger) => (message: string, fields?: LogFields) => {
    if (severity[level] < threshold) return;
    const all = options.fields ? { ...options.fields, ...fields } : fields;
    write(formatLine(now(), level, message, all));
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** A logger that keeps silent. */
export const silentLogger: Logger = lineLogger({ level: "silent" });
