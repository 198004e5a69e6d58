/** What is known after a rebuild of the hours before it: what Redis itself would still have known. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { rebuildPartition } from "#workers/rebuild";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { startRedis } from "#test/servers";
import {
  adjustCommand,
  endCommand,
  initialize,
  operation,
  reserve,
  reserveCommand,
  totals,
} from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;

beforeEach(async () => {
  bed = await openRebuildBed(redis.url);
});
afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

/** Everything in the ledger happened so many hours earlier; then Redis is lost, and rebuilt. */
async function rebuildAfter(hours: number): Promise<void> {
  const { db, stores, use } = bed;
  await bed.drained();
  await db.sql`UPDATE reservations SET
    expires_at = expires_at - ${hours} * interval '1 hour',
    created_at = created_at - ${hours} * interval '1 hour'`;
  await db.sql`UPDATE movements SET at = at - ${hours} * interval '1 hour'`;
  await db.sql`UPDATE operations SET at = at - ${hours} * interval '1 hour'`;
  await stores.redis.flushall();
  await expect(totals(stores.store, "p1")).rejects.toMatchObject({ code: "partition_fenced" });
  const outcome = await rebuildPartition(0, use, { which: "fenced", discards: false });
  expect(outcome).toMatchObject({ kind: "rebuilt", missing: null });
  await until(() => stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
}

const HOURS = [
  { hours: 2, is: "is", isKnown: true },
  { hours: 23, is: "is", isKnown: true },
  { hours: 25, is: "is no longer", isKnown: false },
];

test.each(HOURS)("an order that was sold $hours hours ago $is known", async (row) => {
  const { hours, isKnown } = row;
  const { store } = bed.stores;
  await initialize(store, "p1", 10);
  const { reservationId } = await reserve(store, "o1", { p1: 1 });
  await store.confirm(endCommand(reservationId));
  await rebuildAfter(hours);
  const again = await store.reserve(reserveCommand("o1", { p1: 1 }));
  expect(again.kind).toBe(isKnown ? "already_confirmed" : "reserved");
  expect(await totals(store, "p1")).toMatchObject({ onHand: 9, reserved: isKnown ? 0 : 1 });
});

test.each(HOURS)("an Idempotency-Key of $hours hours ago $is known", async (row) => {
  const { hours, isKnown } = row;
  const { store } = bed.stores;
  await initialize(store, "p1", 10);
  const restock = adjustCommand("p1", 5, { type: "RESTOCK", operation: operation("k1") });
  await store.adjust(restock);
  await rebuildAfter(hours);
  expect(await store.adjust(restock)).toMatchObject({ kind: "adjusted", replayed: isKnown });
  expect(await totals(store, "p1")).toMatchObject({ onHand: isKnown ? 15 : 20 });
});
