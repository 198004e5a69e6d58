import { expect, test } from "bun:test";
import { forgetOperations } from "#postgres/forget-operations";
import { openLedger } from "#test/ledger";

test("operations are forgotten after a day, some at a time, and none before", async () => {
  await using db = await openLedger();
  await db.sql`INSERT INTO operations (partition, key, kept, at)
    SELECT 0, i::text, 'kept', now() - i * interval '10 seconds' FROM generate_series(1, 15000) AS i`;
  expect(await forgetOperations(db.sql)).toBe(true);
  expect(await forgetOperations(db.sql)).toBe(false);
  expect(await forgetOperations(db.sql)).toBe(false);
  const kept = await db.count("SELECT count(*) FROM operations");
  expect(kept).toBeGreaterThanOrEqual(8_637);
  expect(kept).toBeLessThanOrEqual(8_640);
});
