/**
 * Brings a database to the schema of this code: forward only, each migration once, in one
 * transaction with the row that says so. Any number of processes may call it at once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { ask, askRows } from "#postgres/ask";
import { ownConnection, type Sql } from "#postgres/client";
import { MIGRATIONS, type Migration } from "#postgres/migrations";

/** Any constant number that no other program uses in this database. */
const LOCK_KEY = 4_815_162_342;
/** Polled, never waited for: a waiting lock deadlocks with CREATE INDEX CONCURRENTLY. */
const LOCK_POLL_MS = 100;
const LOCK_MS_MAX = 60_000;
/** One migration of a large ledger may take long; nothing of the service runs before it is done. */
const MIGRATION_MS_MAX = 30 * 60_000;
const CLOSE_SECONDS_MAX = 5;

const NAME = /^\d{4}-[a-z0-9-]+$/;

export interface Migrated {
  /** Names of the migrations that this call applied, in order. */
  readonly applied: readonly string[];
  /** How many had been applied before. */
  readonly present: number;
}

export interface MigrateOptions {
  readonly migrations?: readonly Migration[];
  /** How long to wait for another process that migrates. */
  readonly lockMsMax?: number;
}

const AppliedRow = z.object({ number: z.int(), name: z.string(), checksum: z.string() });
type Applied = z.infer<typeof AppliedRow>;

/**
 * Applies what is missing and says what it did. Throws when the database is newer than this code,
 * or when an applied migration was changed or removed in this code since.
 */
export async function migrate(sql: Sql, options: MigrateOptions = {}): Promise<Migrated> {
  const migrations = options.migrations ?? MIGRATIONS;
  mustBeNumbered(migrations);
  let isClosed = false;
  const onClose = () => {
    isClosed = true;
  };
  const connection = ownConnection(sql, onClose, { statementMsMax: MIGRATION_MS_MAX });
  try {
    await takeLock(connection, options.lockMsMax ?? LOCK_MS_MAX);
    const present = await appliedOf(connection);
    mustAgree(present, migrations);
    const applied: string[] = [];
    for (const migration of migrations.slice(present.length)) {
      if (isClosed) throw new Error("the connection that held the migration lock ended");
      await apply(connection, migration, present.length + applied.length + 1);
      applied.push(migration.name);
    }
    return { applied, present: present.length };
  } finally {
    // The lock ends with its connection.
    await connection.end({ timeout: CLOSE_SECONDS_MAX });
  }
}

/** The migrations that are still to be applied. Changes nothing. */
export async function pendingMigrations(sql: Sql): Promise<readonly string[]> {
  const HasTable = z.object({ has: z.boolean() });
  const look = () => sql`SELECT to_regclass('migrations') IS NOT NULL AS has`;
  const [row] = await askRows(HasTable, look, MIGRATION_MS_MAX);
  if (row?.has !== true) return MIGRATIONS.map(({ name }) => name);
  const rows = () => sql`SELECT number, name, checksum FROM migrations ORDER BY number`;
  const present = await askRows(AppliedRow, rows, MIGRATION_MS_MAX);
  mustAgree(present, MIGRATIONS);
  return MIGRATIONS.slice(present.length).map(({ name }) => name);
}

async function takeLock(connection: Sql, msMax: number): Promise<void> {
  const LockRow = z.object({ taken: z.boolean() });
  const giveUpAt = performance.now() + msMax;
  for (;;) {
    const attempt = () => connection`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS taken`;
    const [row] = await askRows(LockRow, attempt, MIGRATION_MS_MAX);
    if (row?.taken === true) return;
    if (performance.now() >= giveUpAt) {
      throw new Error(`another process has been migrating this database for ${msMax} ms`);
    }
    await sleep(LOCK_POLL_MS);
  }
}

async function appliedOf(connection: Sql): Promise<Applied[]> {
  const table = () => connection`
    CREATE TABLE IF NOT EXISTS migrations (
      number integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`;
  await ask(table, MIGRATION_MS_MAX);
  const rows = () => connection`SELECT number, name, checksum FROM migrations ORDER BY number`;
  return await askRows(AppliedRow, rows, MIGRATION_MS_MAX);
}

/** One message is one transaction: the statements and their record hold together or not at all. */
async function apply(connection: Sql, { name, text }: Migration, number: number): Promise<void> {
  // Not parameters, which a message of several statements cannot have: a number, a name of letters
  // and digits, and a hash.
  const record = `INSERT INTO migrations (number, name, checksum)
    VALUES (${number}, '${name}', '${checksumOf(text)}');`;
  await ask(() => connection.unsafe(`${text}\n;\n${record}`).simple(), MIGRATION_MS_MAX);
}

function mustBeNumbered(migrations: readonly Migration[]): void {
  for (const [index, { name }] of migrations.entries()) {
    if (!NAME.test(name) || Number(name.slice(0, 4)) !== index + 1) {
      throw new Error(`migration ${name} is not number ${index + 1}`);
    }
  }
}

function mustAgree(present: readonly Applied[], migrations: readonly Migration[]): void {
  const newest = present.at(-1);
  if (newest !== undefined && newest.number > migrations.length) {
    throw new Error(
      `the database is newer than this code: it has migration ${newest.name}, ` +
        `and this code ends at number ${migrations.length}`,
    );
  }
  for (const [index, applied] of present.entries()) {
    const migration = migrations[index];
    if (applied.number !== index + 1 || migration?.name !== applied.name) {
      throw new Error(
        `migration ${index + 1} is ${migration?.name ?? "absent"} in this code, and ` +
          `the database had ${applied.name} as number ${applied.number}`,
      );
    }
    if (checksumOf(migration.text) !== applied.checksum) {
      throw new Error(`migration ${applied.name} was changed after it was applied; add a new one`);
    }
  }
}

/** Line ends do not count: a checkout may change them. */
function checksumOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
}
