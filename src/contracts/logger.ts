/** Values that a log line may carry. Secrets MUST NOT be among them. */
export type LogFields = { readonly [key: string]: string | number | boolean | null | undefined };

/** Where log lines go. `console`, pino and winston adapt in three lines. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
