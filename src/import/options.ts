/** The command line of `import`. */
import { parseArgs } from "node:util";
import { z } from "zod";
import { THROUGH } from "#import/rows";

export const SOURCES = ["dynamodb", "nest", "json", "csv"] as const;
export type SourceName = (typeof SOURCES)[number];

export const IMPORT_HELP = `Brings the stock of another system into Holdfast, over its API.

Usage:
  bun run import --from SOURCE FILE... [options]

Sources:
  dynamodb     data/*.json.gz of an export to S3, or what \`aws dynamodb scan\` prints; all tables
  nest         a plain pg_dump of the NestJS service
  json         an array, JSON lines, or a reply with a list: productId, quantity, sku, name, price, ...
  csv          the same fields, named by a header

Options:
  --url URL            the API           (default: http://localhost with PORT, which is 3003 if unset)
  --token-file FILE    a file with an admin's token; or IMPORT_TOKEN. Without either, outside
                       production, it signs one as \`bun run token\` does
  --dry-run            read and check every row, and send nothing
  --compare            send nothing either, and tell where Holdfast has other stock or holds
  --report FILE        what became of every row that was not simply imported, and the new id of
                       every hold, as JSON lines
  --table ROLE=NAME    nest: the table of \`stock\` or of \`holds\`, where its columns do not tell
  --held-by ORDER      hold what a source only counts as held for this order, without a due time
  --through CONTRACT   json, csv: the contract whose callers end what is held: inventory (default),
                       eureka (without --held-by: the product's own hold), or nestjs

It may be run again after a crash, or beside another run: nothing is imported twice, and stock that
is there is never overwritten. It exits with 0 if every row is imported or was there already (of
--compare: if nothing differs), with 1 if not, and with 2 where the command cannot be understood.

Examples:
  bun run import --from csv --dry-run stock.csv
  bun run import --from dynamodb --report report.jsonl export/*/data/*.json.gz
  bun run import --from nest --table stock=inventory --token-file admin.jwt dump.sql
  bun run import --from json --through eureka stock.json
  bun run import --from json --compare --url https://stock.example.com stock.json
`;

/** A command line that cannot be understood. */
export class ImportUsageError extends Error {
  override readonly name = "ImportUsageError";
}

const Url = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .transform((url) => url.replace(/\/+$/, ""));

const Options = z.strictObject({
  from: z.enum(SOURCES, `must be one of ${SOURCES.join(", ")}`),
  files: z.array(z.string()).min(1, "needs at least one file"),
  /** Not given: the service on this machine. */
  url: Url.optional(),
  "token-file": z.string().min(1).optional(),
  "dry-run": z.boolean().default(false),
  compare: z.boolean().default(false),
  report: z.string().min(1).optional(),
  table: z
    .array(z.string().regex(/^(stock|holds)=.+$/, "must be stock=NAME or holds=NAME"))
    .default([])
    .transform((named) => new Map(named.map((text) => [text.slice(0, 5), text.slice(6)]))),
  "held-by": z.string().min(1).max(128).optional(),
  through: z.enum(THROUGH, `must be one of ${THROUGH.join(", ")}`).optional(),
});

export type ImportOptions = z.output<typeof Options>;

/** Throws ImportUsageError, or what `parseArgs` throws. */
export function importOptions(args: readonly string[]): ImportOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      from: { type: "string" },
      url: { type: "string" },
      "token-file": { type: "string" },
      "dry-run": { type: "boolean" },
      compare: { type: "boolean" },
      report: { type: "string" },
      table: { type: "string", multiple: true },
      "held-by": { type: "string" },
      through: { type: "string" },
    },
  });
  const options = Options.safeParse({ ...values, files: positionals });
  if (!options.success) {
    const lines = options.error.issues.map(({ path, message }) =>
      path[0] === "files" ? `import ${message}` : `--${String(path[0])} ${message}`,
    );
    throw new ImportUsageError(lines.join("\n"));
  }
  if (options.data.compare && options.data["dry-run"]) {
    throw new ImportUsageError("--compare and --dry-run exclude each other");
  }
  if (options.data.table.size > 0 && options.data.from !== "nest") {
    throw new ImportUsageError("--table is for --from nest");
  }
  if (options.data.through !== undefined && !["json", "csv"].includes(options.data.from)) {
    throw new ImportUsageError("--through is for --from json and csv");
  }
  return options.data;
}
