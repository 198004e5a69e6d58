import pino from "pino";

/** From the least to the most pressing. There is none for a success: counters tell those. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a line says besides its message. An `error` is written with its stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line an event. */
export type Log = Readonly<
  Record<LogLevel, (message: string, fields?: LogFields) => void> & {
    /** A log whose every line also says `fields`, such as the role or the partition. */
    with(fields: LogFields): Log;
  }
>;

export type LogOptions = Readonly<{
  level: LogLevel;
  /** `json`: one object a line, for machines. `text`: one short line, for people. */
  format: "json" | "text";
  /** Takes each finished line with its newline. Default: standard output, written at once. */
  write?: (line: string) => void;
}>;

/** Names of fields whose values are never written, wherever they are in a line's fields. */
const REDACTED = ["authorization", "token", "secret", "password"].flatMap((name) => [
  name,
  `*.${name}`,
]);

/** Written synchronously: the lines before an exit are those that matter most. */
export function createLog({ level, format, write }: LogOptions): Log {
  const print = write ?? writeToStandardOutput();
  const options: pino.LoggerOptions = {
    level,
    base: null,
    messageKey: "message",
    errorKey: "error",
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.errWithCause },
    redact: { paths: REDACTED, censor: "[redacted]" },
  };
  const destination = format === "json" ? print : (line: string) => print(readable(line));
  return wrap(pino(options, { write: destination }));
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}

function writeToStandardOutput(): (line: string) => void {
  const output = pino.destination({ dest: 1, sync: true });
  return (line) => void output.write(line);
}

/** `10:15:30.123 warn  redis is away partition=p0`, and an error's stack on lines of its own. */
function readable(line: string): string {
  const { time, level, message, error, ...rest }: Record<string, unknown> = JSON.parse(line);
  const fields = Object.entries(rest).map(([name, value]) => ` ${name}=${plain(value)}`);
  const head = `${plain(time).slice(11, 23)} ${plain(level).padEnd(5)} ${plain(message)}`;
  return `${head}${fields.join("")}\n${error === undefined ? "" : `${stackOf(error)}\n`}`;
}

function stackOf(error: unknown): string {
  const named = typeof error === "object" && error !== null && "stack" in error;
  return plain(named ? error.stack : error).replaceAll(/^/gm, "  ");
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
