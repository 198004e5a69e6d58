import { expect, test } from "bun:test";
import { ensureStore } from "#postgres/store-row";
import { openLedger } from "#test/ledger";

test("a store is made once: everybody finds the same id and the same partitions", async () => {
  await using db = await openLedger({ partitions: 3 });
  const found = await Promise.all(Array.from({ length: 4 }, () => ensureStore(db.sql, 3)));
  expect(new Set(found.map(({ storeId }) => storeId)).size).toBe(1);
  expect(await db.count("SELECT count(*) FROM partitions")).toBe(3);
  expect(await db.count("SELECT max(partition) FROM partitions")).toBe(2);
});

test("two processes that make the store at once make one", async () => {
  await using db = await openLedger();
  for (let round = 0; round < 10; round += 1) {
    await db.sql`TRUNCATE store, partitions`;
    const made = await Promise.all(Array.from({ length: 4 }, () => ensureStore(db.sql, 2)));
    expect(new Set(made.map(({ storeId }) => storeId)).size).toBe(1);
    expect(await db.count("SELECT count(*) FROM partitions")).toBe(2);
  }
});

test("another number of partitions than the store was created with is refused", async () => {
  await using db = await openLedger({ partitions: 3 });
  const attempt = ensureStore(db.sql, 4);
  await expect(attempt).rejects.toThrow("created with 3 partitions, and PARTITIONS is 4");
});
