/** What a rebuild counts for campaigns that have a limit: what was held and sold at their ring-fences. */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { OrderId, type CustomerId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { campaignLimitKey } from "#redis/keys";
import { rebuildPartition } from "#workers/rebuild";
import { campaignCommand, scheduleCommand, started } from "#test/campaigns";
import { keysLike, valueOf } from "#test/keyspace";
import { soon } from "#test/ledger";
import { carol, dan, held, stocked, take } from "#test/limits";
import { clockAt } from "#test/redis";
import { openRebuildBed, type RebuildBed } from "#test/rebuilding";
import { startRedis } from "#test/servers";
import { endCommand, product, returnCommand, sellCommand } from "#test/store";
import { until } from "#test/until";

const redis = await startRedis();
let bed: RebuildBed;

beforeEach(async () => {
  bed = await openRebuildBed(redis.url);
});
afterEach(() => bed[Symbol.asyncDispose]());
afterAll(() => redis.stop());

/** Every count of a limit, and when its key ends. */
async function kept(): Promise<Record<string, unknown>> {
  const client = bed.stores.redis;
  const all: Record<string, unknown> = {};
  for (const key of await keysLike(client)) {
    if (!key.includes(":limit:")) continue;
    all[key] = [await valueOf(client, key, "hash"), await client.pexpiretime(key)];
  }
  return all;
}

async function confirmed(customerId: CustomerId, order: string, units: number, campaign: object) {
  const { reservationId } = await held(
    bed.stores.store,
    customerId,
    order,
    { p1: units },
    campaign,
  );
  await bed.stores.store.confirm(endCommand(reservationId, { customerId }));
}

async function sold(units: number, customerId: CustomerId, order: string): Promise<void> {
  const { context, ...command } = sellCommand("p1", units, { customerId });
  const whose = { ...context, customerId, orderId: OrderId.parse(order) };
  expect((await bed.stores.store.sell({ ...command, context: whose })).kind).toBe("sold");
}

async function returned(units: number, order: string): Promise<void> {
  await bed.drained();
  const orderId = OrderId.parse(order);
  const productId = product("p1");
  const query = { partition: 0, productId, orderId, customerId: null };
  const sales = await bed.db.ledger.orderSales(query, soon());
  const owner = ownerOf(null, orderId, productId);
  const { context, ...command } = returnCommand("p1", units, sales, { owner });
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

test("a rebuild counts what was held and bought through each campaign, and nothing that was not", async () => {
  const { store, redis: client } = bed.stores;
  await stocked(store, "p1", "p2");
  const friday = await started(store, { p1: 100, p2: 100 }, { maxPerCustomer: 9 });
  const other = await started(store, { p1: 100 }, { maxPerCustomer: 50 });
  const free = await started(store, { p1: 100 });
  const over = await started(store, { p1: 100 }, { maxPerCustomer: 50 });
  await held(store, carol, "o0", { p1: 7 });
  await held(store, carol, "o1", { p1: 2, p2: 3 }, { campaignId: friday.campaignId });
  await confirmed(carol, "o2", 4, { campaignId: friday.campaignId });
  await confirmed(dan, "o3", 5, { campaignId: friday.campaignId });
  await confirmed(dan, "o4", 6, { campaignId: other.campaignId });
  await confirmed(dan, "o5", 8, { campaignId: free.campaignId });
  await confirmed(dan, "o6", 8, { campaignId: over.campaignId });
  const due = await held(
    store,
    dan,
    "o7",
    { p2: 4 },
    { campaignId: friday.campaignId, holdSeconds: 60 },
  );
  await clockAt(client, due.expiresAt ?? 0);
  await store.expire(0);
  // Of an order that bought both ways, what comes back is what the campaign counts, as long as it has any.
  await sold(3, carol, "o2");
  await returned(1, "o2");
  await returned(5, "o2");
  await returned(2, "o3");
  await store.campaigns.stop(campaignCommand(over.campaignId));
  const expected = await kept();
  expect(Object.keys(expected)).toHaveLength(3);
  expect(await client.hvals(campaignLimitKey(0, friday.campaignId, "p1"))).toEqual(["2", "3"]);
  await rebuilt();
  expect(await kept()).toEqual(expected);
  expect(
    await take(store, carol, "o8", { p1: 8 }, { campaignId: friday.campaignId }),
  ).toMatchObject({ lines: [{ quota: { campaignId: friday.campaignId, left: 7 } }] });
});

test("a rebuild counts from when a limit was set on while its campaign ran", async () => {
  const { store, redis: client } = bed.stores;
  await stocked(store, "p1");
  const plan = await started(store, { p1: 100 });
  const { campaignId, startsAt, endsAt } = plan;
  await held(store, carol, "o1", { p1: 7 }, { campaignId });
  const anew = { campaignId, startsAt, endsAt, isNew: false, maxPerCustomer: 3 };
  const outcome = await store.campaigns.schedule(scheduleCommand({ p1: 100 }, anew));
  if (outcome.kind !== "scheduled") throw new Error(`schedule answered ${outcome.kind}`);
  await clockAt(client, outcome.campaign.limitSince ?? 0);
  await held(store, carol, "o2", { p1: 3 }, { campaignId });
  const expected = await kept();
  await rebuilt();
  expect(await kept()).toEqual(expected);
  expect(await client.hvals(campaignLimitKey(0, campaignId, "p1"))).toEqual(["3"]);
});
