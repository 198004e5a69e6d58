/** A store with some history, and every way in which Redis or the ledger may be harmed by hand. */
import { expect } from "bun:test";
import { splitReservationId } from "#inventory/reservation-id";
import {
  expiringKey,
  journalKey,
  locationsKey,
  lowKey,
  metaKey,
  reservationKey,
  skuKey,
  stockKey,
} from "#redis/keys";
import type { ReconcileBed } from "#test/reconcile";
import { registerLocationCommand } from "#test/commands";
import { adjustCommand, endCommand, initialize, reserve, soon, type TimedHold } from "#test/store";

/** Three products, two live holds, and some history. */
export async function seed({
  store,
  drained,
}: ReconcileBed): Promise<{ one: TimedHold; two: TimedHold }> {
  for (const id of ["p1", "p2", "p3"]) await initialize(store, id, 50);
  await store.adjust(adjustCommand("p3", -45));
  const gone = await reserve(store, "o0", { p1: 3 });
  await store.confirm(endCommand(gone.reservationId));
  const one = await reserve(store, "o1", { p1: 5 });
  const two = await reserve(store, "o2", { p1: 1, p2: 7 });
  await drained();
  return { one, two };
}

const ownerOf = (hold: TimedHold): string => splitReservationId(hold.reservationId).owner;

/** Two locations that are known by name, one of them switched off. */
async function registered({ store, drained }: ReconcileBed): Promise<void> {
  await store.registerLocation(registerLocationCommand("Warehouse A"));
  await store.registerLocation(registerLocationCommand("Warehouse B", { active: false }));
  await drained();
}

/** Both sides say so, and no hold has them. */
async function reserveByHand({ store, drained }: ReconcileBed, units: number): Promise<void> {
  const context = JSON.stringify({ actor: "admin:eve", reason: "by hand" });
  const line = ["p1", "Warehouse A", units, "e".repeat(32), "e".repeat(16), context].join("\t");
  expect(await store.repair("repairReserved", "p1", line, soon())).toBe("repaired");
  await drained();
}

export type Harm = (
  bed: ReconcileBed,
  holds: { one: TimedHold; two: TimedHold },
) => Promise<unknown>;

/** A copy of a record under another owner, which the ledger never heard of. */
const STRANGER = "f".repeat(32);

/**
 * What is done, what a report finds of it, and how far a repair goes, where it
 * has a limit: `told` and left alone, or put back without its name.
 */
export const HARMS: readonly [
  what: string,
  expected: readonly string[],
  harm: Harm,
  limit?: "told" | "nameless",
][] = [
  [
    "a counter that is off",
    ["counter p1"],
    ({ redis }) => redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4),
  ],
  [
    "a reserved counter that is off",
    ["counter p2"],
    ({ redis }) => redis.hset(stockKey(0, "p2"), "reserved:Warehouse A", "0"),
  ],
  [
    "a counter that is no number",
    ["counter p2"],
    ({ redis }) => redis.hset(stockKey(0, "p2"), "onHand:Warehouse A", "many"),
  ],
  [
    "a product that is gone from Redis",
    ["counter p2"],
    ({ redis }) => redis.del(stockKey(0, "p2")),
    "told",
  ],
  [
    "a product that the ledger does not know",
    ["counter ghost"],
    ({ redis }) => redis.copy(stockKey(0, "p2"), stockKey(0, "ghost")),
    "told",
  ],
  [
    "a threshold that somebody changed",
    ["product p2"],
    ({ redis }) => redis.hset(stockKey(0, "p2"), "lowStockThreshold", "11", "name", "Another"),
  ],
  [
    "an attribute that is no number, and one that is gone",
    ["product p2"],
    async ({ redis }) => {
      await redis.hset(stockKey(0, "p2"), "reorderPoint", "many");
      await redis.hdel(stockKey(0, "p2"), "price");
    },
  ],
  [
    "what names a product, under another name, and when it was made",
    ["product p2"],
    async ({ redis }) => {
      await redis.hdel(stockKey(0, "p2"), "productId");
      await redis.hset(stockKey(0, "p2"), "prkductId", "p2", "createdAt", "1x00000000000");
    },
  ],
  [
    "of which movement a product is, when it changed and was restocked, none of it readable",
    ["product p2"],
    async ({ redis }) => {
      await redis.hdel(stockKey(0, "p2"), "seq");
      await redis.hset(stockKey(0, "p2"), "updatedAt", "", "lastRestocked", "never");
    },
    "told",
  ],
  [
    "a safety stock that makes a product low",
    ["low p1", "product p1"],
    ({ redis }) => redis.hset(stockKey(0, "p1"), "safetyStock", "45"),
  ],
  [
    "a location that somebody switched on again",
    ["location -"],
    async (bed) => {
      await registered(bed);
      const text = (await bed.redis.hget(locationsKey(0), "Warehouse B")) ?? "";
      await bed.redis.hset(locationsKey(0), "Warehouse B", text.replace("1\t0\t", "1\t1\t"));
    },
  ],
  [
    "a location that is gone, one that nobody registered, and one that cannot be read",
    ["location -"],
    async (bed) => {
      await registered(bed);
      const text = (await bed.redis.hget(locationsKey(0), "Warehouse B")) ?? "";
      await bed.redis.hset(locationsKey(0), "Warehouse A", "something else", "Nowhere", text);
      await bed.redis.hdel(locationsKey(0), "Warehouse B");
    },
  ],
  [
    "rules that are not those of the registry",
    ["location -"],
    async (bed) => {
      await registered(bed);
      await bed.redis.hdel(metaKey(0), "locations");
    },
  ],
  [
    "an orphan hold",
    ["missing_due p1", "orphan_hold p1"],
    ({ redis }, { one }) =>
      redis.copy(reservationKey(0, ownerOf(one)), reservationKey(0, STRANGER)),
  ],
  [
    "a missing hold",
    ["missing_hold p1"],
    ({ redis }, { one }) => redis.del(reservationKey(0, ownerOf(one))),
  ],
  [
    "a hold of other content",
    ["hold_differs p1"],
    async ({ redis }, { one }) => {
      const key = reservationKey(0, ownerOf(one));
      const text = (await redis.get(key)) ?? "";
      await redis.set(key, text.replace("=5=0=0", "=4=0=0"));
    },
  ],
  [
    "a row of fewer units than its hold has",
    ["hold_differs p1", "snapshot p1"],
    ({ db }, { one }) => db.sql`UPDATE reservations
      SET allocations = replace(allocations::text, '"held": 5', '"held": 4')::jsonb
      WHERE owner = ${ownerOf(one)}`,
  ],
  [
    "a row that ended in the ledger alone",
    ["hold_differs p1", "snapshot p1"],
    ({ db }, { one }) =>
      db.sql`UPDATE reservations SET status = 'CANCELLED' WHERE owner = ${ownerOf(one)}`,
  ],
  [
    "a row that lives on in the ledger alone",
    ["hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations SET status = 'ACTIVE',
        allocations = replace(allocations::text, '"held": 0', '"held": 3')::jsonb
      WHERE status = 'CONFIRMED'`,
  ],
  ["units that no hold has", ["snapshot p1"], (bed) => reserveByHand(bed, 3)],
  ["holds of more units than are reserved", ["snapshot p1"], (bed) => reserveByHand(bed, -2)],
  [
    "a hold that ended in Redis alone",
    ["hold_differs p1"],
    async ({ redis }, { one }) => {
      const key = reservationKey(0, ownerOf(one));
      const text = (await redis.get(key)) ?? "";
      await redis.set(key, text.replace("ACTIVE\t", "CANCELLED\tcancelled"));
    },
  ],
  [
    "a record that cannot be read",
    ["hold_differs p1"],
    ({ redis }, { one }) => redis.set(reservationKey(0, ownerOf(one)), "something else"),
  ],
  [
    "a reservation that the ledger lost",
    ["hold_differs p1", "snapshot p1"],
    ({ db }, { one }) => db.sql`DELETE FROM reservations WHERE owner = ${ownerOf(one)}`,
  ],
  [
    "a hold that no due list has",
    ["missing_due p1"],
    ({ redis }, { one }) => redis.lrem(expiringKey(0, one.expiresAt / 1_000), 0, ownerOf(one)),
  ],
  [
    "a due list that was swept before its time",
    ["missing_due p1", "missing_due p1"],
    ({ redis }, { two }) => redis.hset(metaKey(0), "swept", `${two.expiresAt / 1_000}`),
  ],
  ["a product that lacks in the low set", ["low p3"], ({ redis }) => redis.del(lowKey(0))],
  [
    "a low set of wrong scores and strangers",
    ["low ghost", "low p1", "low p3"],
    ({ redis }) => redis.zadd(lowKey(0), 1, "p1", 2, "p3", 3, "ghost"),
  ],
  ["a SKU that is not claimed", ["sku p2"], ({ redis }) => redis.del(skuKey("SKU-p2"))],
  [
    "a SKU that another product claims",
    ["sku p2"],
    ({ redis }) => redis.set(skuKey("SKU-p2"), "p1\t1700000000000"),
  ],
  [
    "a SKU that another product has by its record, and claims",
    ["product p1", "sku p2"],
    async ({ redis }) => {
      await redis.hset(stockKey(0, "p1"), "sku", "SKU-p2");
      await redis.set(skuKey("SKU-p2"), "p1\t1700000000000");
    },
  ],
  [
    "a SKU that is claimed for a product that is nowhere, and one for another product",
    ["sku ghost", "sku p1"],
    async ({ redis }) => {
      await redis.set(skuKey("SKU-lost"), "ghost\t1700000000000");
      await redis.set(skuKey("SKU-old"), "p1\t1700000000000");
    },
  ],
  [
    "a movement that is missing in the middle",
    ["missing_movement -"],
    ({ db }) => db.sql`DELETE FROM movements WHERE type = 'SALE'`,
  ],
  [
    "a movement that is missing at the end",
    ["missing_movement -"],
    ({ db }) => db.sql`DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)`,
  ],
  [
    "a movement that is missing, and not in the journal any more",
    ["missing_movement -"],
    async ({ db, redis }) => {
      await redis.xtrim(journalKey(0), "MAXLEN", 0);
      await db.sql`DELETE FROM movements WHERE type = 'SALE'`;
    },
    "nameless",
  ],
  [
    "a snapshot that is behind",
    ["snapshot p2"],
    ({ db }) => db.sql`UPDATE levels SET reserved = 0, seq = 2 WHERE product_id = 'p2'`,
  ],
  [
    "a snapshot that is gone",
    ["snapshot p2"],
    ({ db }) => db.sql`DELETE FROM levels WHERE product_id = 'p2'`,
  ],
  [
    "an ended hold of fewer units than were sold",
    ["hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations
      SET allocations = replace(allocations::text, '"confirmed": 3', '"confirmed": 2')::jsonb
      WHERE status = 'CONFIRMED'`,
  ],
  [
    "an ended hold that holds units still",
    ["hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations
      SET allocations = replace(allocations::text, '"held": 0', '"held": 1')::jsonb
      WHERE status = 'CONFIRMED'`,
  ],
  [
    "an ended hold that ended in another way",
    ["hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations SET status = 'EXPIRED', end_reason = 'expired'
      WHERE status = 'CONFIRMED'`,
  ],
  [
    "an ended hold that stands before its end",
    ["hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations SET seq = seq - 1 WHERE status = 'CONFIRMED'`,
  ],
  [
    "an ended hold whose row is gone",
    ["hold_differs p1"],
    ({ db }) => db.sql`DELETE FROM reservations WHERE status = 'CONFIRMED'`,
    "told",
  ],
  [
    "an ended hold that no movement ended",
    ["hold_differs p1"],
    ({ db }) => db.sql`INSERT INTO reservations
      SELECT (json_populate_record(it, ${`{"owner":"${STRANGER}"}`}::text::json)).*
      FROM reservations AS it WHERE status = 'CONFIRMED'`,
    "told",
  ],
  [
    "an ended hold of a movement that is still to come",
    ["hold_differs p1", "hold_differs p1"],
    ({ db }) => db.sql`UPDATE reservations SET seq = seq + 100 WHERE status = 'CONFIRMED'`,
    "told",
  ],
];
