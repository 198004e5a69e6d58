/** What a rebuild writes of limits with a name: records, what is derived from them, and what each counts. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import type { CustomerId } from "#inventory/model";
import { OrderId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { rebuildPartition } from "#workers/rebuild";
import { keysLike, valueOf } from "#test/keyspace";
import { soon } from "#test/ledger";
import { carol, dan, group, held, putLimit, stocked, take } from "#test/limits";
import { clockAt } from "#test/redis";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { startRedis } from "#test/servers";
import { endCommand, product, removeLimitCommand, returnCommand, sellCommand } from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;

beforeEach(async () => {
  bed = await openRebuildBed(redis.url);
});
afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

/** Everything that limits have in Redis: values, and when keys end. */
async function kept(): Promise<Record<string, unknown>> {
  const client = bed.stores.redis;
  const all: Record<string, unknown> = { meta: await client.hget("{p0}:meta", "limits") };
  for (const key of await keysLike(client)) {
    if (!/:(?:limit|limited|records)\b/.test(key)) continue;
    all[key] = [await valueOf(client, key, "hash"), await client.pexpiretime(key)];
  }
  return all;
}

/** A sale without a hold, of that order. */
async function sold(id: string, units: number, customerId: CustomerId, order: string) {
  const { context, ...command } = sellCommand(id, units, { customerId });
  const orderId = OrderId.parse(order);
  const whose = { ...context, customerId, orderId };
  expect((await bed.stores.store.sell({ ...command, context: whose })).kind).toBe("sold");
}

async function returned(id: string, units: number, order: string): Promise<void> {
  await bed.drained();
  const orderId = OrderId.parse(order);
  const productId = product(id);
  const query = { partition: 0, productId, orderId, customerId: null };
  const sales = await bed.db.ledger.orderSales(query, soon());
  const owner = ownerOf(null, orderId, productId);
  const { context, ...command } = returnCommand(id, units, sales, { owner });
  const outcome = await bed.stores.store.return({ ...command, context: { ...context, orderId } });
  expect(outcome.kind).toBe("returned");
}

async function rebuilt(): Promise<void> {
  await bed.drained();
  await bed.stores.redis.flushall();
  const outcome = await rebuildPartition(0, bed.use, { which: "any", discards: false });
  expect(outcome).toMatchObject({ kind: "rebuilt" });
  await until(() => bed.stores.partitions[0]?.state === "open", { withinMs: 5_000, what: "open" });
}

test("a rebuild has each limit again, and what each customer has under it", async () => {
  const { store, redis: client } = bed.stores;
  await stocked(store, "p1", "p2", "p3");
  const before = await held(store, carol, "o0", { p1: 1, p2: 1 });
  await clockAt(client, before.createdAt + 1_000);
  const put = putLimit.bind(null, client, store);
  await put("drop", { ...group("p1", "p2"), maxUnits: 50 });
  await put("daily", { ...group("p2", "p3"), maxUnits: 40, windowHours: 24 });
  await put("shop", { maxUnits: 90 });
  await put("hoard", { counts: "held", maxUnits: 80, maxHolds: 4 });
  await put("gone", group("p1"));
  await store.removeLimit(removeLimitCommand("gone"));

  await store.confirm(endCommand(before.reservationId));
  await held(store, carol, "o1", { p1: 2, p2: 3, p3: 4 });
  const part = await held(store, carol, "o2", { p1: 5, p3: 2 });
  const lines = [{ productId: product("p1"), quantity: 2 }];
  await store.confirm(endCommand(part.reservationId, { lines }));
  await store.cancel(endCommand(part.reservationId, { lines }));
  const whole = await held(store, dan, "o3", { p2: 6 });
  await store.confirm(endCommand(whole.reservationId));
  await sold("p3", 7, dan, "o4");
  await returned("p3", 3, "o4");
  await returned("p2", 1, "o3");
  const due = await held(store, dan, "o5", { p1: 4 }, { holdSeconds: 60 });
  await clockAt(client, due.expiresAt ?? 0);
  await store.expire(0);
  const expected = await kept();
  expect(Object.keys(expected)).toHaveLength(7);
  await rebuilt();
  expect(await kept()).toEqual(expected);
  expect(await take(store, carol, "o6", { p2: 50 })).toMatchObject({
    lines: [{ quota: { limitId: "daily", left: 40 - 3 - 4 - 2 } }],
  });
});

test("a rebuild of what has no limit with a name any more has no trace of one", async () => {
  const { store, redis: client } = bed.stores;
  await stocked(store, "p1");
  await putLimit(client, store, "shop");
  await held(store, carol, "o1", { p1: 2 });
  await store.removeLimit(removeLimitCommand("shop"));
  await rebuilt();
  expect(await kept()).toEqual({ meta: null });
});

test("a rebuild counts the window that is now, and nothing of an earlier one", async () => {
  const { store, redis: client } = bed.stores;
  await stocked(store, "p1");
  const { since } = await putLimit(client, store, "daily", { ...group("p1"), windowHours: 24 });
  const dayMs = 86_400_000;
  const next = (Math.floor(since / dayMs) + 1) * dayMs;
  await clockAt(client, next - 60_000);
  await held(store, carol, "o1", { p1: 4 }, { holdSeconds: 3_600 });
  await clockAt(client, next + 60_000);
  await held(store, carol, "o2", { p1: 3 });
  const key = `{p0}:limit:daily:${next / dayMs}`;
  const { [key]: expected } = await kept();
  await rebuilt();
  const after = await kept();
  expect(after[key]).toEqual(expected);
  expect(Object.keys(after).filter((name) => name.includes("limit:daily"))).toEqual([key]);
  expect((await take(store, carol, "o3", { p1: 3 })).kind).toBe("above_quota");
});
