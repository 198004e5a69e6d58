/** A repair of the ledger mends what is as it was found, and nothing else. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createLedgerRepairs } from "#postgres/ledger-repairs";
import { openLedger, type TestLedger } from "#test/ledger";
import { batch, HOME, movement } from "#test/movements";

let db: TestLedger;

/** The last movement, and the level that a drain has written since it was looked up. */
const LAST = { seq: 3, onHand: 1_000_000, reserved: 3 };
const LEVEL = { seq: 5, onHand: 40, reserved: 4 };

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  await db.writer.append(batch([movement(1), movement(2), movement(3)]));
});
beforeEach(async () => {
  await db.sql`UPDATE levels SET seq = ${LEVEL.seq}, on_hand = ${LEVEL.onHand},
    reserved = ${LEVEL.reserved}`;
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function levels() {
  const rows = await db.sql`SELECT seq::int, on_hand::int AS "onHand", reserved::int FROM levels`;
  return rows.map((row) => ({ ...row }));
}

async function mendFound(found: typeof LEVEL | null): Promise<boolean> {
  const name = { productId: "product-1", location: HOME };
  const level = { ...name, partition: 0, onHand: 0, reserved: 0 };
  const repairs = createLedgerRepairs(db.sql, { actor: "admin:ada", reference: "run-1" });
  return await repairs.mend({ side: "level", level, found: found && { ...name, ...found } });
}

test.each([
  ["its seq", { ...LEVEL, seq: 4 }],
  ["its units", { ...LEVEL, onHand: 41 }],
  ["what is held of it", { ...LEVEL, reserved: 3 }],
  ["whether it is there", null],
])("a level that is no longer as it was found, in %s, is left alone", async (_, found) => {
  expect(await mendFound(found)).toBe(false);
  expect(await levels()).toEqual([LEVEL]);
});

test("a level that is as it was found is set to where its last movement ended", async () => {
  expect(await mendFound(LEVEL)).toBe(true);
  expect(await levels()).toEqual([LAST]);
});
