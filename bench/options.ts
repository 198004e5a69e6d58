/** The command line of the bench. */
import { parseArgs } from "node:util";
import { numberOf, UsageError } from "./command.ts";

export const HELP = `Measures Holdfast against an echo of the same server and against plain PostgreSQL.

Usage:
  bun run bench [options]

Options:
  --seconds N          length of one measurement                      (default: 2)
  --connections A,B    open connections, one measurement for each     (default: 64,256)
  --rounds N           rounds over all variants; medians are printed  (default: 3)
  --only NAME          one variant, beside the echo; may be repeated
  --json               prints every figure as JSON instead of the table
  --help               this text

Examples:
  bun run bench
  bun run bench --only reserve --only postgres --rounds 5
  bun run bench --seconds 10 --connections 128 --json > figures.json

Servers and their data are the bench's own, in the system's temporary folder (TMPDIR), which must
be on a real disk for fsync to cost what it costs. Needs wrk in PATH.
`;

const SECONDS_MAX = 600;
const CONNECTIONS_MAX = 4_096;
const ROUNDS_MAX = 100;

export interface Options {
  readonly seconds: number;
  /** At least one; the first is used where a variant is not swept. */
  readonly connections: readonly [number, ...number[]];
  readonly rounds: number;
  /** Names of variants; empty: all. */
  readonly only: readonly string[];
  readonly json: boolean;
  readonly help: boolean;
}

/** Throws UsageError. */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const { values } = parse(args);
  const [first = 0, ...others] = values.connections.split(",").map((text) => {
    return numberOf("--connections", text, CONNECTIONS_MAX);
  });
  for (const name of values.only) {
    if (names.includes(name)) continue;
    throw new UsageError(`--only takes ${names.join(", ")}; not ${name}`);
  }
  return {
    seconds: numberOf("--seconds", values.seconds, SECONDS_MAX),
    connections: [first, ...others],
    rounds: numberOf("--rounds", values.rounds, ROUNDS_MAX),
    only: values.only,
    json: values.json,
    help: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seconds: { type: "string", default: "2" },
        connections: { type: "string", default: "64,256" },
        rounds: { type: "string", default: "3" },
        only: { type: "string", multiple: true, default: [] },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
