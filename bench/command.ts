/** Command lines of benches: whole numbers, `--json`, and how a bench ends that cannot go on. */
import { parseArgs } from "node:util";

/** A command line that cannot be understood. */
export class UsageError extends Error {}

/** Takes a line about what goes on; the figures alone go to the standard output. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export interface NumberRule {
  readonly fallback: number;
  /** Default: 1. */
  readonly least?: number;
  readonly most: number;
}

export interface Numbers<Name extends string> {
  readonly of: (name: Name) => number;
  readonly json: boolean;
}

/** Reads `--name N` for each rule, and `--json`. Throws UsageError. */
export function readNumbers<Name extends string>(
  args: readonly string[],
  rules: Readonly<Record<Name, NumberRule>>,
): Numbers<Name> {
  const values = parsed(args, Object.keys(rules));
  const numbers = new Map<string, number>();
  for (const [name, { fallback, least, most }] of Object.entries<NumberRule>(rules)) {
    const text = values[name];
    numbers.set(
      name,
      typeof text === "string" ? numberOf(`--${name}`, text, most, least) : fallback,
    );
  }
  return { of: (name) => numbers.get(name) ?? Number.NaN, json: values["json"] === true };
}

function parsed(args: readonly string[], names: readonly string[]) {
  const texts = names.map((name) => [name, { type: "string" }] as const);
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries(texts), json: { type: "boolean" } },
    });
    const all: Readonly<Record<string, unknown>> = values;
    return all;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A whole number from `least` to `most`. */
export function numberOf(name: string, text: string, most: number, least = 1): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${name} takes whole numbers from ${least} to ${most}; not ${text}`);
}

/** Runs a bench with the arguments of this process: exit 2 where they cannot be understood. */
export async function runBench(main: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(Bun.argv.slice(2));
  } catch (error) {
    const isUsage = error instanceof UsageError;
    say(isUsage ? error.message : Bun.inspect(error));
    process.exitCode = isUsage ? 2 : 1;
  }
}
