/** A migrated PostgreSQL database of its own, for tests of the ledger and what writes it. */
import type { Ledger, LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createPostgres, type PostgresOptions, type Sql } from "#postgres/client";
import { createLedger } from "#postgres/ledger";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { migrate } from "#postgres/migrate";
import { ensureStore } from "#postgres/store-row";
import { MIGRATIONS } from "#postgres/migrations";
import { createDatabase, sharedPostgres, type TestDatabase } from "#test/servers";

const CLOSE_SECONDS_MAX = 1;
/** Any constant number: while one file of a run makes the template, the others wait for it. */
const TEMPLATE_LOCK = 2_718_281_828;
const TEMPLATE_MS_MAX = 60_000;

export interface TestLedger extends AsyncDisposable {
  readonly url: string;
  readonly sql: Sql;
  readonly ledger: Ledger;
  readonly writer: LedgerWriter;
  /** One number that a statement answers. */
  count(text: string): Promise<number>;
}

/** On the shared server, or on `server` for a test that hurts it. */
export async function openLedger(
  options: { partitions?: number; server?: { readonly url: string } } & PostgresOptions = {},
): Promise<TestLedger> {
  const { partitions = 1, server, ...settings } = options;
  const database = await (server === undefined ? migratedDatabase() : createDatabase(server));
  const sql = createPostgres(database.url, { connectionsMax: 4, ...settings });
  if (server !== undefined) await migrate(sql);
  await ensureStore(sql, partitions);
  return {
    url: database.url,
    sql,
    ledger: createLedger({ sql, clock: systemClock }),
    writer: createLedgerWriter(sql),
    async count(text) {
      const [row] = await sql.unsafe(text);
      return Number(Object.values(row ?? {})[0]);
    },
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
      // A server that the test hurt goes with all its databases.
      if (server === undefined) await database.drop();
    },
  };
}

let template: Promise<string> | undefined;

/** On the shared server a copy of one that was migrated once: that takes a third of the time. */
async function migratedDatabase(): Promise<TestDatabase> {
  const server = await sharedPostgres();
  template ??= migratedTemplate(server);
  return await createDatabase(server, await template);
}

/** Made by whichever file of the run is first; its name tells which migrations it has. */
async function migratedTemplate(server: { readonly url: string }): Promise<string> {
  const name = `holdfast_migrated_${Bun.hash(JSON.stringify(MIGRATIONS)).toString(16)}`;
  const maintenance = new URL("/postgres", server.url).href;
  const sql = createPostgres(maintenance, { connectionsMax: 1, statementMsMax: TEMPLATE_MS_MAX });
  try {
    await sql`SELECT pg_advisory_lock(${TEMPLATE_LOCK})`;
    const known = await sql`SELECT 1 FROM pg_database WHERE datname = ${name}`;
    if (known.length > 0) return name;
    const made = await createDatabase(server);
    const own = createPostgres(made.url, { connectionsMax: 1 });
    await migrate(own);
    await own.end({ timeout: CLOSE_SECONDS_MAX });
    // Under its name only when it is whole: nobody ever connects to it.
    await sql.unsafe(`ALTER DATABASE ${made.name} RENAME TO ${name}`);
    return name;
  } finally {
    // The lock ends with its connection.
    await sql.end({ timeout: CLOSE_SECONDS_MAX });
  }
}

/** A moment by which every read of a test must be answered, on the clock of `openLedger`. */
export const soon = (ms = 5_000): number => systemClock.now() + ms;
