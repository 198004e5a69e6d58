/** The schema of a companion, as its processes make it. */
import { expect, test } from "bun:test";
import { schemaOf } from "#compose/companion-parts";
import { PRODUCTS_MIGRATIONS } from "#companions/products/migrations";
import { createPostgres } from "#postgres/client";
import { testDatabase } from "#test/servers";
import { until } from "#test/until";

test("of two processes that start first, at the same moment, both come up, on one schema", async () => {
  await using database = await testDatabase();
  const urls = { redisUrl: "", databaseUrl: database.url };
  const sql = createPostgres(database.url);
  const second = Promise.withResolvers<Awaited<ReturnType<typeof schemaOf>>>();
  await sql.begin(async (tx) => {
    await tx`CREATE SCHEMA products`;
    // It does not see what is not committed, makes its own, and waits to hear which of both counts.
    schemaOf("products", urls, PRODUCTS_MIGRATIONS).then(second.resolve, second.reject);
    const waits = () => sql`SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE SCHEMA%'`;
    await until(async () => (await waits()).length === 1, {
      withinMs: 4_000,
      what: "the other one waits for this one",
    });
  });
  const made = await second.promise;
  expect(await made`SELECT count(*)::int AS count FROM products`).toMatchObject([{ count: 0 }]);
  await made.end({ timeout: 5 });
  await sql.end({ timeout: 5 });
});
