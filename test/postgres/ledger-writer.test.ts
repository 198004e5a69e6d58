import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { CustomerId, Location, MOVEMENT_TYPES, OrderId, ProductId, Sku } from "#inventory/model";
import type { LedgerBatch } from "#inventory/ports";
import { createEpochLedger } from "#postgres/epochs";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import {
  batch,
  EPOCH_MS,
  EXAMPLES,
  movement,
  movements,
  oversold,
  product,
  reservation,
  typed,
  WRONG,
} from "#test/movements";
import { registeredOf } from "#test/ports-double";
import { until } from "#test/until";

const RANGE = 10_000_000;
let db: TestLedger;

beforeAll(async () => {
  db = await openLedger();
});
beforeEach(async () => {
  await db.sql`TRUNCATE movements, levels, products, reservations, locations, quarantine, epochs`;
  await db.sql`UPDATE partitions SET epoch = 0, cursor_epoch = 0, cursor_seq = 0`;
  await db.writer.cursor(0);
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

const stored = () => db.count("SELECT count(*) FROM movements");
const product1 = ProductId.parse("product-1");

describe("append", () => {
  test("keeps every field of a movement as it was, whatever its text", async () => {
    const odd = `"quoted" \\ back, {brace} NULL 'it''s' 零 🛒 \t tab`;
    const rows = [
      movement(1),
      movement(2, {
        reservationId: reservation(7).reservationId,
        orderId: OrderId.parse("NULL"),
        customerId: CustomerId.parse(`o"b\\c`),
        actor: odd,
        reason: "",
        reference: "{}",
        requestId: odd,
        location: Location.parse("shelf 1"),
        at: EPOCH_MS + 999,
      }),
      // Each alone in its column: what nothing else there has escaped.
      movement(3, {
        reason: "a\ttab and\na line",
        reference: "\u0001\u007F\u2028",
        requestId: "null",
      }),
    ];
    expect(await db.writer.append(batch(rows))).toEqual({ kind: "appended" });
    expect(await db.ledger.movements(product1, 10, soon())).toEqual(rows.toReversed());
    expect(await db.writer.cursor(0)).toEqual({ epoch: 1, seq: 3 });
  });

  test("writes what was named beforehand as it writes any other, also where something else comes", async () => {
    const sizes = [3, 2, 4, 1];
    const rows = sizes.map((size, i) => {
      return movements(1 + sizes.slice(0, i).reduce((sum, count) => sum + count, 0), size);
    });
    const [first, second, third, fourth] = rows.map((of) => batch(of));
    const named = [second, fourth, fourth, undefined];
    for (const [i, each] of [first, second, third, fourth].entries()) {
      if (each === undefined) throw new Error("four batches were asked for");
      expect(await db.writer.append(each, named[i])).toEqual({ kind: "appended" });
    }
    expect(await db.ledger.movements(product1, 20, soon())).toEqual(rows.flat().toReversed());
  });

  test("takes every type of movement whose numbers fit it, and no other", async () => {
    for (const type of MOVEMENT_TYPES) {
      const from = { epoch: 0, seq: 0 };
      const wrong = await db.writer.append(batch([typed(type, WRONG[type])], { from }));
      expect([type, wrong.kind]).toEqual([type, "refused"]);
      const right = await db.writer.append(batch([typed(type, EXAMPLES[type])], { from }));
      expect([type, right.kind]).toEqual([type, "appended"]);
      await db.sql`TRUNCATE movements, levels`;
      await db.sql`UPDATE partitions SET cursor_epoch = 0, cursor_seq = 0`;
    }
  });

  test("takes a movement without a product only if it has no units, and makes no level of it", async () => {
    const none = { onHandBefore: 0, onHandAfter: 0, reservedBefore: 0, reservedAfter: 0 };
    const nothing = { type: "ATTRIBUTE", productId: null, ...none } as const;
    for (const wrong of [{ onHandBefore: 1, onHandAfter: 1 }, { type: "ADJUSTMENT" }] as const) {
      const outcome = await db.writer.append(batch([movement(1, { ...nothing, ...wrong })]));
      expect(outcome).toMatchObject({
        kind: "refused",
        error: expect.stringContaining("movements_without_product_move_nothing"),
      });
    }
    const locations = [{ ...registeredOf({ version: 5 }), seq: 1 }];
    const first = batch([movement(1, nothing)], { locations });
    expect(await db.writer.append(first)).toEqual({ kind: "appended" });
    expect(await db.count("SELECT count(*) FROM levels")).toBe(0);
    // What another partition's journal brings later, and older, changes nothing.
    for (const [seq, version, active] of [
      [2, 4, false],
      [3, 5, false],
      [4, 6, false],
    ] as const) {
      const row = { ...registeredOf({ version, active, name: `v${version}` }), seq };
      await db.writer.append(batch([movement(seq, nothing)], { locations: [row] }));
      const [known] = await db.sql`SELECT version, active, name FROM locations`;
      const expected =
        seq < 4 ? { version: 5, active: true, name: null } : { version, active, name: "v6" };
      expect({ ...known }).toEqual(expected);
    }
  });

  test("keeps the last level of each product and location", async () => {
    const shelf = Location.parse("shelf");
    const restock = { type: "RESTOCK", reservedBefore: 0, reservedAfter: 0 } as const;
    await db.writer.append(
      batch([
        movement(1, { ...restock, onHandBefore: 0, onHandAfter: 9 }),
        movement(2, { location: shelf, reservedBefore: 0, reservedAfter: 3 }),
        movement(3, { onHandBefore: 9, onHandAfter: 9, reservedBefore: 0, reservedAfter: 4 }),
      ]),
    );
    await db.writer.append(
      batch([
        movement(4, { onHandBefore: 9, onHandAfter: 9, reservedBefore: 4, reservedAfter: 6 }),
      ]),
    );
    const rows = await db.sql`
      SELECT location, on_hand, reserved, seq, restocked_at FROM levels ORDER BY location`;
    expect(rows.map((row) => ({ ...row }))).toEqual([
      {
        location: "default",
        on_hand: 9,
        reserved: 6,
        seq: 4,
        restocked_at: new Date(EPOCH_MS + 1),
      },
      { location: "shelf", on_hand: 1_000_000, reserved: 3, seq: 2, restocked_at: null },
    ]);
  });

  test("keeps only the last state of a hold and of a product", async () => {
    const live = reservation(1, { seq: 1 });
    const ended = reservation(1, { seq: 2, status: "CONFIRMED", endReason: "confirmed" });
    const named = { name: "Named", price: 19.99, maxPerCustomer: 4, lastRestocked: EPOCH_MS };
    const products = [product("product-1", 1), product("product-1", 2, named)];
    const states = { reservations: [ended, live], products };
    await db.writer.append(batch(movements(1, 2), states));
    expect(await db.ledger.reservation(live.reservationId, soon())).toEqual(ended);
    const later = { ...ended, seq: 3, status: "EXPIRED", endReason: "expired" } as const;
    await db.writer.append(batch(movements(3, 1), { reservations: [later] }));
    expect(await db.ledger.reservation(live.reservationId, soon())).toEqual(later);
    const rows = await db.sql`SELECT name, price, max_per_customer, seq, locations FROM products`;
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { name: "Named", price: "19.99", max_per_customer: 4, seq: 2, locations: ["default"] },
    ]);
  });

  test("never puts an older state over a newer one", async () => {
    const newer = reservation(1, { seq: 50, status: "CANCELLED", endReason: "cancelled" });
    const states = { reservations: [newer], products: [product("product-1", 50)] };
    await db.writer.append(batch(movements(1, 1), states));
    await db.sql`UPDATE levels SET seq = 50, reserved = 7`;
    const older = {
      reservations: [reservation(1, { seq: 2 })],
      products: [product("product-1", 2)],
    };
    await db.writer.append(batch(movements(2, 1), older));
    expect(await db.ledger.reservation(newer.reservationId, soon())).toEqual(newer);
    expect(await db.count("SELECT reserved FROM levels")).toBe(7);
    expect(await db.count("SELECT seq FROM products")).toBe(50);
  });

  test("repeats nothing when its reply was lost", async () => {
    const once = batch(movements(1, 3), { reservations: [reservation(1)] });
    expect(await db.writer.append(once)).toEqual({ kind: "appended" });
    expect(await db.writer.append(once)).toEqual({ kind: "cursor_moved" });
    expect(await stored()).toBe(3);
  });

  test("lets one of ten win when all append the same batch at once", async () => {
    const writers = Array.from({ length: 10 }, () => createLedgerWriter(db.sql));
    await Promise.all(writers.map((writer) => writer.cursor(0)));
    // Of the second one the cursor's epoch is already the batch's: its seq alone tells.
    for (const once of [batch(movements(1, 20)), batch(movements(21, 20))]) {
      const outcomes = await Promise.all(writers.map((writer) => writer.append(once)));
      const kinds = outcomes.map(({ kind }) => kind).toSorted();
      expect<string[]>(kinds).toEqual([
        "appended",
        ...Array.from({ length: 9 }, () => "cursor_moved"),
      ]);
    }
    expect(await stored()).toBe(40);
  });

  test("writes nothing that was read before another epoch was taken", async () => {
    const epochs = createEpochLedger(db.sql, "store");
    await epochs.begin(0, "run", async () => ({ kind: "behind", seq: 0 }));
    expect(await db.writer.append(batch(movements(1, 1)))).toEqual({ kind: "cursor_moved" });
    await db.writer.cursor(0);
    expect(await db.writer.append(batch(movements(1, 1)))).toEqual({ kind: "appended" });
  });

  test("writes nothing when the epoch is taken while it waits for the partition", async () => {
    const holder = await db.sql.reserve();
    await holder`BEGIN`;
    await holder`UPDATE partitions SET epoch = epoch + 1`;
    const appending = db.writer.append(batch(movements(1, 1)));
    await untilSomebodyWaits();
    await holder`COMMIT`;
    holder.release();
    expect(await appending).toEqual({ kind: "cursor_moved" });
    expect(await stored()).toBe(0);
  });

  test("is a fault of the ledger, and no more, when its backend is killed", async () => {
    const holder = await db.sql.reserve();
    await holder`BEGIN`;
    await holder`SELECT FROM partitions FOR UPDATE`;
    const appending = db.writer.append(batch(movements(1, 2))).catch((error: unknown) => error);
    await untilSomebodyWaits();
    await holder`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    expect(codeOf(await appending)).toBe("ledger_unavailable");
    await holder`ROLLBACK`;
    holder.release();
    expect(await db.writer.append(batch(movements(1, 2)))).toEqual({ kind: "appended" });
  });

  test("refuses to be asked for a batch that does not follow its cursor", async () => {
    const append = (rows: LedgerBatch) => db.writer.append(rows);
    const gap = batch([movement(1), movement(3)]);
    await expect(append(gap)).rejects.toThrow("1-3 does not follow");
    const late = { ...batch(movements(1, 2)), to: { epoch: 1, seq: 5 } };
    await expect(append(late)).rejects.toThrow("does not end at 1-5");
    const mixed = batch([movement(1), movement(2, { epoch: 2 })]);
    await expect(append(mixed)).rejects.toThrow("1-1 does not follow");
    const unread = createLedgerWriter(db.sql).append(batch(movements(1, 1)));
    await expect(unread).rejects.toThrow("the cursor must be read before a batch");
    expect(await stored()).toBe(0);
  });
});

describe("a row that PostgreSQL refuses", () => {
  test.each([
    ["a level below what is held", "23514", batch([movement(1), oversold(2)])],
    ["a zero byte in a text", "22021", batch([movement(1, { reason: "a\u0000b" })])],
    [
      "a SKU of another product",
      "products_sku_key",
      batch(movements(1, 2), {
        products: [product("a", 1), product("b", 2, { sku: Sku.parse("sku-a") })],
      }),
    ],
  ])("is told as refused and changes nothing: %s", async (_name, error, refused) => {
    const outcome = await db.writer.append(refused);
    expect(outcome).toEqual({ kind: "refused", error: expect.stringContaining(error) });
    expect(await stored()).toBe(0);
    expect(await db.writer.cursor(0)).toEqual({ epoch: 0, seq: 0 });
  });

  test("goes to quarantine with all it carries, and the cursor over it", async () => {
    const bad = batch([oversold(1, { reason: "zero \u0000 byte" })], {
      reservations: [reservation(1)],
    });
    expect(await db.writer.quarantined()).toBe(0);
    expect(await db.writer.quarantine(bad, "why")).toEqual({ kind: "appended" });
    expect(await db.writer.quarantine(bad, "why")).toEqual({ kind: "cursor_moved" });
    expect(await db.writer.quarantined()).toBe(1);
    expect(await db.writer.cursor(0)).toEqual({ epoch: 1, seq: 1 });
    const [row] = await db.sql`SELECT seq, epoch, error, payload::text FROM quarantine`;
    expect(row).toMatchObject({ seq: 1, epoch: 1, error: "why" });
    expect(JSON.parse(String(row?.["payload"]))).toEqual({
      movement: bad.movements[0],
      reservations: bad.reservations,
      products: [],
      locations: [],
      crossings: [],
      records: [],
    });
    await db.sql`UPDATE quarantine SET settled_at = now()`;
    expect(await db.writer.quarantined()).toBe(0);
  });
});

describe("the ranges of movements", () => {
  test("are made ahead, so that a batch may go over the end of one", async () => {
    const at = 3 * RANGE - 1;
    await db.sql`UPDATE partitions SET cursor_epoch = 1, cursor_seq = ${at - 1}`;
    await db.writer.cursor(0);
    const held = { reservedBefore: 0, reservedAfter: 1 };
    const rows = movements(at, 4, held);
    expect(await db.writer.append(batch(rows))).toEqual({ kind: "appended" });
    expect(await db.count(`SELECT count(*) FROM ONLY movements_${2 * RANGE}`)).toBe(1);
    expect(await db.count(`SELECT count(*) FROM ONLY movements_${3 * RANGE}`)).toBe(3);
    expect(await db.count(`SELECT count(*) FROM ONLY movements_${5 * RANGE}`)).toBe(0);
    const newest = await db.ledger.movements(product1, 3, soon());
    expect(newest.map(({ seq }) => seq)).toEqual([at + 3, at + 2, at + 1]);
  });

  test("are not the movement's fault when one is missing", async () => {
    await db.writer.append(batch(movements(1, 1)));
    await db.sql`DROP TABLE movements_0`;
    const attempt = await db.writer.append(batch(movements(2, 1))).catch((error: unknown) => error);
    expect(codeOf(attempt)).toBe("ledger_unavailable");
    await db.writer.cursor(0);
    expect(await db.writer.append(batch(movements(2, 1)))).toEqual({ kind: "appended" });
  });
});

const codeOf = (error: unknown) => (error instanceof Fault ? error.code : error);

function untilSomebodyWaits(): Promise<true> {
  const waiting = `SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  return until(async () => (await db.count(waiting)) > 0, {
    withinMs: 5_000,
    what: "a statement waits for a lock",
  });
}
