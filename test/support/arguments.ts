/** Command lines of the tools that prove something: what an argument may be, and how they end. */
import { helpIfAsked } from "#test/help";
import { seedOf } from "#test/scale";

const MS_OF: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
/** As many digits as are read. */
const COUNT_MAX = 9_999_999;
const FAILED = 1;
const MISUNDERSTOOD = 2;
const NOT_JUDGED = 3;

/** A command line that cannot be understood; its message names the argument. */
export class UsageError extends Error {}

/** Of `30s`, `5m` or `2h`, in milliseconds. */
export function timeIn(name: string, text: string): number {
  const [, count, unit = ""] = /^([1-9]\d{0,5})([smh])$/.exec(text) ?? [];
  const ms = MS_OF[unit];
  if (ms === undefined) {
    throw new UsageError(
      `${name} must be a time such as 30s, 5m or 2h, not ${JSON.stringify(text)}`,
    );
  }
  return Number(count) * ms;
}

export function countIn(name: string, text: string, most = COUNT_MAX): number {
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) <= most) return Number(text);
  const given = JSON.stringify(text);
  throw new UsageError(`${name} must be a whole number from 1 to ${most}, not ${given}`);
}

/** As runs print it. */
export function seedIn(name: string, text: string): number {
  try {
    return seedOf(text, name);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export interface Tool {
  /** `faults`, of `bun run faults`. */
  readonly command: string;
  readonly help: string;
  /** Rejects where something does not hold. */
  readonly main: (args: readonly string[]) => Promise<void>;
}

/**
 * Runs it to its end: 0, 1 where something does not hold, 2 where it was not understood, 3 where what
 * was asked for could not be judged.
 */
export async function runTool({ command, help, main }: Tool): Promise<never> {
  helpIfAsked(help);
  try {
    await main(process.argv.slice(2));
    process.exit(0);
  } catch (error) {
    if (error instanceof NotJudged) {
      console.error(error.message);
      process.exit(NOT_JUDGED);
    }
    if (!isOfUser(error)) {
      console.error(error instanceof Failure ? error.message : error);
      process.exit(FAILED);
    }
    console.error(`${error.message}\nFor help: bun run ${command} --help`);
    process.exit(MISUNDERSTOOD);
  }
}

/** What a tool found: its message has all there is to say. */
export class Failure extends Error {}

/** All that was looked at holds, and something that was asked for was not: its message says what. */
export class NotJudged extends Error {}

function isOfUser(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return error instanceof UsageError || code.startsWith("ERR_PARSE_ARGS");
}
