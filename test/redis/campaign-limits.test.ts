/** What one customer may have through a campaign: its holds and what it bought there, over all of its orders. */
import { describe, expect, test } from "bun:test";
import type { Campaign } from "#inventory/campaigns";
import { customerField } from "#inventory/limits";
import { OrderId, type CustomerId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { campaignLimitKey, recordKey } from "#redis/keys";
import { campaignCommand, scheduleCommand, started } from "#test/campaigns";
import { invariants } from "#test/invariants";
import { carol, dan, held, putLimit, stocked, take } from "#test/limits";
import { clockAt, redisOfFile } from "#test/redis";
import { amendCommand, endCommand, reassignCommand, returnCommand, sellCommand } from "#test/store";

const { redis, open } = await redisOfFile();
const CALLERS = 200;

const keyOf = ({ campaignId }: Campaign, id = "p1"): string => campaignLimitKey(0, campaignId, id);
const unitsOf = async (customerId: CustomerId, campaign: Campaign, id?: string) =>
  Number((await redis.hget(keyOf(campaign, id), customerField(customerId))) ?? "0");

async function opened(maxPerCustomer: number | null = 3) {
  const { store } = await open();
  await stocked(store, "p1", "p2");
  const campaign = await started(store, { p1: 500, p2: 500 }, { maxPerCustomer });
  return { store, campaign, through: { campaignId: campaign.campaignId } };
}

/** The same plan with another limit. */
async function relimited(
  { store, campaign }: Awaited<ReturnType<typeof opened>>,
  most: number | null,
) {
  const { campaignId, startsAt, endsAt } = campaign;
  const plan = { campaignId, isNew: false, startsAt, endsAt, maxPerCustomer: most };
  const outcome = await store.campaigns.schedule(scheduleCommand({ p1: 500, p2: 500 }, plan));
  if (outcome.kind !== "scheduled") throw new Error(`schedule answered ${outcome.kind}`);
  await clockAt(redis, outcome.campaign.limitSince ?? 0);
  return outcome.campaign;
}

describe("a campaign's limit", () => {
  test("bounds each product by itself, over all of a customer's orders, and the refusal names the campaign", async () => {
    const { store, campaign, through } = await opened();
    const first = await held(store, carol, "o1", { p1: 2 }, through);
    await store.confirm(endCommand(first.reservationId));
    await held(store, carol, "o2", { p1: 1, p2: 3 }, through);
    expect(await take(store, carol, "o3", { p1: 1 }, through)).toMatchObject({
      kind: "above_quota",
      lines: [
        {
          largest: 0,
          quota: { maxPerCustomer: 3, left: 0, windowEndsAt: campaign.endsAt, ...through },
        },
      ],
    });
    expect((await take(store, carol, "o3", { p2: 1 }, through)).kind).toBe("above_quota");
    await held(store, dan, "o4", { p1: 3 }, through);
    expect(await unitsOf(carol, campaign)).toBe(3);
    expect(await unitsOf(carol, campaign, "p2")).toBe(3);
    await invariants(redis);
  });

  test("counts nothing that is taken without it, and leaves that free", async () => {
    const { store, campaign, through } = await opened();
    await held(store, carol, "o1", { p1: 9 });
    expect((await store.sell(sellCommand("p1", 9, { customerId: carol }))).kind).toBe("sold");
    expect(await redis.exists(keyOf(campaign))).toBe(0);
    // The order's hold becomes one of the campaign, and another again.
    expect((await take(store, carol, "o1", { p1: 10 }, through)).kind).toBe("above_quota");
    await store.amend(amendCommand("p1", { maxPerCustomer: 100 }));
    await held(store, carol, "o2", { p1: 2 }, through);
    expect(await unitsOf(carol, campaign)).toBe(2);
    await held(store, carol, "o2", { p1: 12 });
    expect(await redis.exists(keyOf(campaign))).toBe(0);
    await invariants(redis);
  });

  test("stands beside a product's own and one with a name: what may be had is the least of them", async () => {
    const { store, through } = await opened();
    await store.amend(amendCommand("p1", { maxPerCustomer: 5 }));
    await putLimit(redis, store, "drop", { maxUnits: 4 });
    await held(store, carol, "o1", { p2: 2 });
    const refused = await take(store, carol, "o2", { p1: 3 }, through);
    expect(refused).toMatchObject({ lines: [{ quota: { limitId: "drop", left: 2 } }] });
    await held(store, carol, "o2", { p1: 2 }, through);
    await invariants(redis);
  });

  test("gives back what is cancelled, expires, is replaced and comes back; then no key is left", async () => {
    const { store, campaign, through } = await opened();
    const one = await held(store, carol, "o1", { p1: 3 }, through);
    await held(store, carol, "o1", { p1: 2 }, through);
    expect(await unitsOf(carol, campaign)).toBe(2);
    expect((await store.cancel(endCommand(one.reservationId))).kind).not.toBe("done");
    const two = await held(store, carol, "o2", { p1: 1 }, { ...through, holdSeconds: 60 });
    await clockAt(redis, two.expiresAt ?? 0);
    await store.expire(0);
    expect(await unitsOf(carol, campaign)).toBe(2);
    const bought = await take(store, carol, "o1", { p1: 2 }, through);
    if (!("reservation" in bought)) throw new Error(`reserve answered ${bought.kind}`);
    await store.confirm(endCommand(bought.reservation.reservationId));
    const back = (units: number, more: object) => {
      const { createdAt } = bought.reservation;
      const steps = [{ at: createdAt, units: 2, ...more }];
      const sales = { seq: 99, sold: 2, returned: 2 - units, limit: { customerId: carol, steps } };
      return store.return(returnCommand("p1", units, sales));
    };
    // What was not sold through it is not given back to it.
    expect((await back(1, {})).kind).toBe("returned");
    expect(await unitsOf(carol, campaign)).toBe(2);
    expect((await back(2, through)).kind).toBe("returned");
    expect(await redis.exists(keyOf(campaign))).toBe(0);
    await invariants(redis);
  });

  test("counts a hold that changes hands for its new customer, and none of a late sale beside it", async () => {
    const { store, campaign, through } = await opened();
    const one = await held(store, carol, "o1", { p1: 3 }, { ...through, holdSeconds: 60 });
    const orderId = OrderId.parse("o2");
    const to = { owner: ownerOf(dan, orderId, "cart"), customerId: dan, orderId };
    const moved = await store.reassign(
      reassignCommand(one.reservationId, "o2", { customerId: carol, to }),
    );
    if (moved.kind !== "done") throw new Error(`reassign answered ${moved.kind}`);
    expect([await unitsOf(carol, campaign), await unitsOf(dan, campaign)]).toEqual([0, 3]);
    await clockAt(redis, one.expiresAt ?? 0);
    await store.expire(0);
    const { reservationId } = moved.reservation;
    const late = await store.confirm(
      endCommand(reservationId, { customerId: dan, reacquireAs: "abcd1234" }),
    );
    expect(late.kind).toBe("done");
    expect(await redis.exists(keyOf(campaign))).toBe(0);
    await invariants(redis);
  });

  test("changes while it runs: a number goes on, what is set on anew counts from then", async () => {
    const bed = await opened();
    const { store, campaign, through } = bed;
    const old = await held(store, carol, "o1", { p1: 3 }, through);
    expect(await relimited(bed, 4)).toMatchObject({ maxPerCustomer: 4, limitSince: null });
    await held(store, carol, "o2", { p1: 1 }, through);
    expect((await take(store, carol, "o3", { p1: 1 }, through)).kind).toBe("above_quota");
    expect(await relimited(bed, null)).toMatchObject({ maxPerCustomer: null });
    expect(await redis.exists(keyOf(campaign))).toBe(0);
    await held(store, carol, "o3", { p1: 9 }, through);
    const { limitSince } = await relimited(bed, 2);
    expect(limitSince).toBeGreaterThan(0);
    await held(store, carol, "o4", { p1: 2 }, through);
    // What never counted gives nothing back.
    await store.cancel(endCommand(old.reservationId));
    expect(await unitsOf(carol, campaign)).toBe(2);
    expect((await take(store, carol, "o5", { p1: 1 }, through)).kind).toBe("above_quota");
    await invariants(redis);
  });

  test("is all of it that changes while it runs, and nothing once it is over", async () => {
    const bed = await opened();
    const { store, campaign } = bed;
    const { campaignId, startsAt, endsAt } = campaign;
    const plan = { campaignId, isNew: false, startsAt, endsAt, maxPerCustomer: 4 };
    const asked = async (units: Record<string, number>, more = {}) =>
      (await store.campaigns.schedule(scheduleCommand(units, { ...plan, ...more }))).kind;
    expect(await asked({ p1: 499, p2: 500 })).toBe("begun");
    expect(await asked({ p1: 500 })).toBe("begun");
    expect(await asked({ p1: 500, p2: 500 }, { name: "Monday" })).toBe("begun");
    expect(await asked({ p1: 500, p2: 500 }, { endsAt: endsAt + 1 })).toBe("begun");
    expect(await asked({ p1: 500, p2: 500 }, { holdSeconds: 5 })).toBe("begun");
    expect(await asked({ p1: 500, p2: 500 }, { maxPerCustomer: 3 })).toBe("begun");
    expect(await asked({ p1: 500, p2: 500 })).toBe("scheduled");
    await store.campaigns.stop(campaignCommand(campaignId));
    expect(await asked({ p1: 500, p2: 500 }, { maxPerCustomer: 5 })).toBe("begun");
  });

  test("leaves no key behind: it ends with the campaign, or where that is stopped", async () => {
    const { store, campaign, through } = await opened();
    await held(store, carol, "o1", { p1: 1, p2: 1 }, through);
    expect(await redis.pexpiretime(keyOf(campaign))).toBe(campaign.endsAt);
    const short = await started(
      store,
      { p2: 5 },
      { maxPerCustomer: 2, endsAt: Date.now() + 600_000 },
    );
    const one = await held(store, carol, "o2", { p2: 1 }, { campaignId: short.campaignId });
    await store.campaigns.stop(campaignCommand(campaign.campaignId));
    expect(await redis.exists(keyOf(campaign), keyOf(campaign, "p2"))).toBe(0);
    // What ends after it gives nothing back, and begins no count again.
    await clockAt(redis, short.endsAt);
    await store.cancel(endCommand(one.reservationId));
    await store.campaigns.turnDue(0);
    await store.campaigns.remove(campaignCommand(short.campaignId));
    expect(await unitsOf(carol, short, "p2")).toBe(1);
    expect(await redis.pexpiretime(keyOf(short, "p2"))).toBe(short.endsAt);
  });

  test("is never passed when 200 orders of one customer race on 4 connections", async () => {
    const { campaign, through } = await opened(7);
    const stores = await Promise.all(Array.from({ length: 4 }, () => open()));
    const outcomes = await Promise.all(
      Array.from({ length: CALLERS }, (_, i) => {
        const { store } = stores[i % stores.length] ?? stores[0] ?? {};
        if (!store) throw new Error("there is no store");
        return take(store, carol, `o${i}`, { p1: 1 }, through);
      }),
    );
    expect(outcomes.filter(({ kind }) => kind === "reserved")).toHaveLength(7);
    expect(outcomes.filter(({ kind }) => kind === "above_quota")).toHaveLength(CALLERS - 7);
    expect(await unitsOf(carol, campaign)).toBe(7);
    await invariants(redis);
  });
});

test("a campaign without a limit has the record that it always had, and no key", async () => {
  const { store, campaign, through } = await opened(null);
  await held(store, carol, "o1", { p1: 400 }, through);
  const text = (await redis.hget(recordKey(0, "campaign"), campaign.campaignId)) ?? "";
  expect(text.split("\t")).toHaveLength(11);
  expect(text.startsWith("1\t")).toBe(true);
  expect(await redis.keys("*limit*")).toEqual([]);
});
