/** `retention`: puts old movements away, or says what that would do. */
import { parseArgs } from "node:util";
import { eventuallyPostgres } from "#compose/eventually";
import { migrateToApply } from "#compose/migrate";
import { Refusal } from "#compose/refusal";
import { openExistingServers } from "#compose/servers";
import type { Config } from "#config";
import { createLog } from "#lib/log";
import { createPostgres } from "#postgres/client";
import { putAway, rangesBefore, RETENTION_MS_MAX, type Boundary } from "#postgres/retention";

export const RETENTION_HELP = `Puts old movements away, in whole tables of 10 000 000 numbers.

Usage:
  bun run retention --before <date or seq> [--apply]

Without --apply it only looks, and says what it would do. With it, what is still asked of each table
is written down (what each level was, what each order was sold, the last link of the chain), and the
table is detached from the ledger. It stays in the database under its name: dump it, then drop it.
Lists, exports, events and asOf of that time then say that it is not kept; all else stays as it is.

Options:
  --before WHEN        2025-01-31, 2025-01-31T12:00:00Z, or the seq of a movement
  --apply              do it

A table goes only when every movement in it is before WHEN and older than two days, every partition is
past it, and none of its movements is in quarantine.

Examples:
  bun run retention --before 2025-01-01
  bun run retention --before 2025-01-01 --apply
`;

/** A command line that cannot be understood. */
export class RetentionUsageError extends Error {}

export interface RetentionOptions {
  readonly apply: boolean;
  readonly before: Boundary;
}

/** What a time looks like: a day in UTC, or a moment with its zone. */
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

export function retentionOptions(args: readonly string[]): RetentionOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { apply: { type: "boolean", default: false }, before: { type: "string" } },
    });
    return { apply: values.apply, before: boundaryOf(values.before ?? "") };
  } catch (error) {
    if (error instanceof RetentionUsageError) throw error;
    throw new RetentionUsageError(error instanceof Error ? error.message : "unknown option");
  }
}

function boundaryOf(text: string): Boundary {
  if (/^\d{1,15}$/.test(text)) return { kind: "seq", seq: Number(text) };
  const at = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return { kind: "time", at };
  throw new RetentionUsageError("--before takes a date, a time with its zone, or a seq");
}

/** Tries to get the table for itself: whoever reads it goes first, and nobody waits behind for long. */
const TRIES = 10;
const LOCK_MS_MAX = 1_000;
const PAUSE_MS = 2_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

export async function runRetention(config: Config, options: RetentionOptions): Promise<void> {
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const servers = await openExistingServers(config, say);
  const sql = createPostgres(servers.databaseUrl, {
    connectionsMax: 1,
    statementMsMax: RETENTION_MS_MAX,
  });
  try {
    await eventuallyPostgres({ log, url: servers.databaseUrl }, () =>
      migrateToApply(sql, options.apply),
    );
    say(`PostgreSQL  ${servers.description.postgres}`);
    await sql.unsafe(`SET lock_timeout = ${LOCK_MS_MAX}`);
    let gone = 0;
    for (const range of await rangesBefore(sql, options.before)) {
      const name = `${range.table} (movements ${range.first} to ${range.last})`;
      if (range.stays !== null) {
        say(`${name} stays, and all behind it: ${range.stays}`);
        break;
      }
      if (options.apply) await insist(() => putAway(sql, range));
      say(`${name} ${options.apply ? "is" : "would be"} put away`);
      gone += 1;
    }
    if (gone === 0) say("nothing is put away");
    else if (!options.apply) say("nothing was changed: --apply does it");
    else say("the tables are still in the database: dump them, then drop them");
  } finally {
    await sql.end({ timeout: 2 });
    await servers.stop();
  }
}

async function insist(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const { code, message } = describe(error);
      if (code === "P0001") throw new Refusal(`it may not go: ${message}`);
      if (code !== "55P03" || tries === TRIES) throw error;
      await Bun.sleep(PAUSE_MS);
    }
  }
}

/** What PostgreSQL said, which may be the cause of what we say. */
function describe(error: unknown): { code: unknown; message: string } {
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(root instanceof Error)) return { code: null, message: "unknown" };
  return { code: "code" in root ? root.code : null, message: root.message };
}
