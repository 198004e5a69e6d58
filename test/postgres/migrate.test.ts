import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createPostgres, type Sql } from "#postgres/client";
import { migrate } from "#postgres/migrate";
import { MIGRATIONS } from "#postgres/migrations";
import { testDatabase } from "#test/servers";

const ONE = { name: "0001-one", text: "CREATE TABLE one (id integer)" };
const TWO = { name: "0002-two", text: "CREATE TABLE two (id integer);" };

async function emptyDatabase(): Promise<{ sql: Sql; url: string } & AsyncDisposable> {
  const database = await testDatabase();
  const sql = createPostgres(database.url, { connectionsMax: 2 });
  return {
    sql,
    url: database.url,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await database.drop();
    },
  };
}

const tables = async (sql: Sql) => {
  const rows = await sql`SELECT relname FROM pg_class WHERE relname IN ('one', 'two') ORDER BY 1`;
  return rows.map((row) => String(row["relname"]));
};

test("migrate makes the schema, and a second time does nothing", async () => {
  await using database = await emptyDatabase();
  const names = MIGRATIONS.map(({ name }) => name);
  expect(await migrate(database.sql)).toEqual({ applied: names, present: 0 });
  expect(await migrate(database.sql)).toEqual({ applied: [], present: names.length });
});

test("migrate brings a ledger that has movements to what it would be if it were new", async () => {
  await using database = await emptyDatabase();
  await using fresh = await emptyDatabase();
  await migrate(database.sql, { migrations: MIGRATIONS.slice(0, 1) });
  const ranges = (sql: Sql) => sql`SELECT ensure_movement_ranges(0, 15000000)`;
  await ranges(database.sql);
  await database.sql`INSERT INTO movements (seq, epoch, on_hand_before, on_hand_after, reserved_before,
    reserved_after, at, partition, type, product_id, location, actor)
    VALUES (1, 1, 0, 5, 0, 0, now(), 0, 'INITIAL', 'p1', 'default', 'admin:ada')`;
  await migrate(database.sql);
  await migrate(fresh.sql);
  await ranges(fresh.sql);
  const rules = async (sql: Sql) => {
    const rows = await sql`SELECT conrelid::regclass::text || ' ' || conname || ' '
      || pg_get_constraintdef(oid) AS rule FROM pg_constraint
      WHERE conrelid::regclass::text LIKE 'movements%' AND contype IN ('c', 'n') ORDER BY 1`;
    const nullable = await sql`SELECT attrelid::regclass::text || ' ' || attnotnull AS rule
      FROM pg_attribute WHERE attname = 'product_id' AND attrelid::regclass::text LIKE 'movements%'
      ORDER BY 1`;
    return [...rows, ...nullable].map((row) => String(row["rule"]));
  };
  const upgraded = await rules(database.sql);
  expect(upgraded.filter((rule) => /TRANSFER|move_nothing/.test(rule))).toHaveLength(6);
  expect(upgraded).toEqual(await rules(fresh.sql));
});

test("migrate applies only what is missing, in order", async () => {
  await using database = await emptyDatabase();
  await migrate(database.sql, { migrations: [ONE] });
  const second = await migrate(database.sql, { migrations: [ONE, TWO] });
  expect(second).toEqual({ applied: ["0002-two"], present: 1 });
  expect(await tables(database.sql)).toEqual(["one", "two"]);
});

test("the list of migrations is the folder", () => {
  const folder = join(import.meta.dir, "../../src/postgres/migrations");
  const files = readdirSync(folder).toSorted();
  expect(MIGRATIONS.map(({ name }) => `${name}.sql`)).toEqual(files);
});

test("an edited migration is refused, other line ends are not", async () => {
  await using database = await emptyDatabase();
  const written = { name: "0001-one", text: "CREATE TABLE one (\n  id integer\n)" };
  await migrate(database.sql, { migrations: [written] });
  const checkedOut = { ...written, text: written.text.replaceAll("\n", "\r\n") };
  expect((await migrate(database.sql, { migrations: [checkedOut] })).present).toBe(1);
  const edited = { ...written, text: written.text.replace("integer", "bigint") };
  const attempt = migrate(database.sql, { migrations: [edited, TWO] });
  await expect(attempt).rejects.toThrow("0001-one was changed after it was applied");
  expect(await tables(database.sql)).toEqual(["one"]);
});

test("a renamed or removed earlier migration is refused", async () => {
  await using database = await emptyDatabase();
  await migrate(database.sql, { migrations: [ONE, TWO] });
  const renamed = [{ ...ONE, name: "0001-another" }, TWO];
  await expect(migrate(database.sql, { migrations: renamed })).rejects.toThrow("0001-another");
  await database.sql`DELETE FROM migrations WHERE number = 1`;
  const attempt = migrate(database.sql, { migrations: [ONE, TWO] });
  await expect(attempt).rejects.toThrow("the database had 0002-two as number 2");
});

test("a database that is newer than the code is refused", async () => {
  await using database = await emptyDatabase();
  await migrate(database.sql, { migrations: [ONE, TWO] });
  const attempt = migrate(database.sql, { migrations: [ONE] });
  await expect(attempt).rejects.toThrow("newer than this code: it has migration 0002-two");
});

test("a migration that fails leaves nothing of itself, and can be tried again", async () => {
  await using database = await emptyDatabase();
  const broken = { ...TWO, text: "CREATE TABLE two (id integer); SELECT 1 / 0" };
  await expect(migrate(database.sql, { migrations: [ONE, broken] })).rejects.toThrow("zero");
  expect(await tables(database.sql)).toEqual(["one"]);
  const again = await migrate(database.sql, { migrations: [ONE, TWO] });
  expect(again).toEqual({ applied: ["0002-two"], present: 1 });
});

test("five processes at once apply each migration once", async () => {
  await using database = await emptyDatabase();
  const results = await Promise.all(
    Array.from({ length: 5 }, () => migrate(database.sql, { migrations: [ONE, TWO] })),
  );
  const applied = results.flatMap((result) => result.applied);
  expect(applied).toEqual(["0001-one", "0002-two"]);
});

test("migrate gives up on a lock that is held too long", async () => {
  await using database = await emptyDatabase();
  const holder = createPostgres(database.url, { connectionsMax: 1 });
  await holder`SELECT pg_advisory_lock(4815162342)`;
  const attempt = migrate(database.sql, { migrations: [ONE], lockMsMax: 200 });
  await expect(attempt).rejects.toThrow("another process has been migrating");
  await holder.end({ timeout: 1 });
  expect((await migrate(database.sql, { migrations: [ONE] })).applied).toEqual(["0001-one"]);
});
