/** A migrated PostgreSQL database of its own, for tests of the ledger and what writes it. */
import type { Ledger, LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createPostgres, type PostgresOptions, type Sql } from "#postgres/client";
import { createLedger } from "#postgres/ledger";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { migrate } from "#postgres/migrate";
import { ensureStore } from "#postgres/store-row";
import { createDatabase, testDatabase } from "#test/servers";

const CLOSE_SECONDS_MAX = 1;

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
  const database = await (server === undefined ? testDatabase() : createDatabase(server));
  const sql = createPostgres(database.url, { connectionsMax: 4, ...settings });
  await migrate(sql);
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

/** A moment by which every read of a test must be answered, on the clock of `openLedger`. */
export const soon = (ms = 5_000): number => systemClock.now() + ms;
