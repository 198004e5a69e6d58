/** Units of a campaign stand aside from its start to its end, and whoever names it takes of them alone. */
import { describe, expect, test } from "bun:test";
import { fenceOf, type Campaign, type CampaignId } from "#inventory/campaigns";
import { Location } from "#inventory/model";
import { decodeEntry } from "#redis/journal";
import { journalKey, metaKey, stockKey } from "#redis/keys";
import { campaignCommand, scheduleCommand, scheduled, started } from "#test/campaigns";
import { invariants } from "#test/invariants";
import { clockAt, redisOfFile, sendBatch } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  endCommand,
  initialize,
  operation,
  product,
  productOf,
  reserve,
  reserveCommand,
  sellCommand,
  soon,
  totals,
  transferCommand,
  type TestStore,
} from "#test/store";

const { redis, open } = await redisOfFile();

type Store = TestStore["store"];

const CALLERS = 200;

/** A hold of an order, of that campaign's units. */
const take = (store: Store, campaignId: CampaignId, order: string, units = 1, more = {}) =>
  store.reserve(reserveCommand(order, { p1: units }, { campaignId, ...more }));

async function held(store: Store, campaignId: CampaignId, order: string, units = 1) {
  const outcome = await take(store, campaignId, order, units);
  if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
  return outcome.reservation;
}

const levelsOf = async (store: Store, id = "p1"): Promise<string[]> =>
  (await productOf(store, id)).levels.map(
    (level) => `${level.location} ${level.onHand} ${level.reserved}`,
  );

const seen = async (store: Store, { campaignId }: Campaign) => {
  const campaign = await store.campaigns.one(campaignId, soon());
  if (campaign === null) throw new Error("the campaign is gone");
  return campaign;
};

const lastNow = async (): Promise<number> => Number(await redis.hget(metaKey(0), "lastNow"));

async function movementTypes(): Promise<string[]> {
  const entries = await redis.xrange(journalKey(0), "-", "+");
  return entries.flatMap(([id, fields]) =>
    decodeEntry(0, id, fields).movements.map(({ type }) => type),
  );
}

describe("the ring-fence of a campaign", () => {
  test("is a level of its own, which a transfer fills when the campaign starts", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 });
    expect(await levelsOf(store)).toEqual(["Warehouse A 6 0", `${fenceOf(campaign)} 4 0`]);
    expect(campaign.products).toEqual([{ productId: product("p1"), quantity: 4, fenced: 4 }]);
    expect(await totals(store, "p1")).toEqual({ onHand: 10, reserved: 0, available: 6 });
    expect(await movementTypes()).toEqual(["INITIAL", "RECORD", "TRANSFER", "TRANSFER", "RECORD"]);
    await invariants(redis);
  });

  test("is not there for whoever names no campaign: neither reserve, sell, transfer nor adjust takes of it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 });
    expect(await store.reserve(reserveCommand("o1", { p1: 7 }))).toMatchObject({
      kind: "insufficient",
      lines: [{ largest: 6, locations: [{ location: "Warehouse A", available: 6 }] }],
    });
    expect((await store.sell(sellCommand("p1", 7))).kind).toBe("insufficient");
    expect((await store.transfer(transferCommand("p1", 7))).kind).toBe("below_reserved");
    expect((await store.adjust(adjustCommand("p1", -7))).kind).toBe("below_reserved");
    expect(Location.safeParse(fenceOf(campaign)).success).toBe(false);
    expect((await store.sell(sellCommand("p1", 6))).kind).toBe("sold");
    expect(await levelsOf(store)).toEqual(["Warehouse A 0 0", `${fenceOf(campaign)} 4 0`]);
    await invariants(redis);
  });

  test("takes in what is free when the campaign starts, never what is held or the safety stock", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    await store.amend(amendCommand("p1", { safetyStock: 3 }));
    await reserve(store, "o1", { p1: 2 });
    const campaign = await started(store, { p1: 100 });
    expect(campaign.products).toMatchObject([{ quantity: 100, fenced: 5 }]);
    expect(await totals(store, "p1")).toEqual({ onHand: 10, reserved: 2, available: 0 });
    await invariants(redis);
  });

  test("takes in what holds had that were due, though nobody released them", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const { expiresAt } = await reserve(store, "o1", { p1: 5 }, { holdSeconds: 1 });
    const { campaignId } = await scheduled(store, { p1: 5 });
    await clockAt(redis, expiresAt ?? 0);
    expect((await take(store, campaignId, "o2", 5)).kind).toBe("reserved");
    await invariants(redis);
  });
});

describe("a reserve that names a campaign", () => {
  test("takes of its units alone, and lives as long as it says", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 }, { holdSeconds: 60 });
    const hold = await held(store, campaign.campaignId, "o1", 3);
    expect(hold.allocations).toMatchObject([{ location: fenceOf(campaign), held: 3 }]);
    expect(hold.expiresAt).toBe(Math.ceil(hold.createdAt / 1_000 + 60) * 1_000);
    expect(await take(store, campaign.campaignId, "o2", 2)).toMatchObject({
      kind: "insufficient",
      lines: [
        { largest: 1, available: 1, locations: [{ location: fenceOf(campaign), available: 1 }] },
      ],
    });
    expect(await totals(store, "p1")).toEqual({ onHand: 10, reserved: 3, available: 6 });
    await invariants(redis);
  });

  test("is the first of it at its second, though nobody did its start", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const startsAt = Date.now() + 60_000;
    const campaign = await scheduled(store, { p1: 4 }, { startsAt });
    await clockAt(redis, startsAt - 1);
    expect(await take(store, campaign.campaignId, "o1")).toMatchObject({
      kind: "campaign_refused",
      why: "not_started",
      startsAt,
    });
    await clockAt(redis, startsAt);
    expect((await take(store, campaign.campaignId, "o1")).kind).toBe("reserved");
    expect((await seen(store, campaign)).products).toMatchObject([{ fenced: 4 }]);
    await invariants(redis);
  });

  test("is refused from its last second on, though nobody did its end", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 });
    const hold = await held(store, campaign.campaignId, "o1");
    await clockAt(redis, campaign.endsAt);
    const { endsAt } = campaign;
    const refused = { kind: "campaign_refused", why: "ended", endsAt };
    expect(await take(store, campaign.campaignId, "o2")).toMatchObject(refused);
    expect((await store.confirm(endCommand(hold.reservationId))).kind).toBe("expired");
    await invariants(redis);
  });

  test("is refused for a campaign that is not there, and for a product that it has not", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    await initialize(store, "p2", 10);
    const campaign = await started(store, { p2: 4 });
    const { campaignId } = scheduleCommand({ p1: 1 });
    expect(await take(store, campaignId, "o1")).toEqual({
      kind: "campaign_refused",
      why: "unknown",
    });
    expect(await take(store, campaign.campaignId, "o1")).toMatchObject({
      why: "lacks",
      productId: "p1",
    });
    await invariants(redis);
  });

  test("answers a repeat with the hold that stands, also after the end", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 });
    const hold = await held(store, campaign.campaignId, "o1", 2);
    expect((await take(store, campaign.campaignId, "o1", 2)).kind).toBe("held");
    await store.campaigns.stop(campaignCommand(campaign.campaignId));
    expect(await take(store, campaign.campaignId, "o1", 2)).toMatchObject({
      kind: "held",
      reservation: { reservationId: hold.reservationId },
    });
    expect(await take(store, campaign.campaignId, "o1", 3)).toMatchObject({ why: "stopped" });
    await invariants(redis);
  });

  test("never takes more than stand aside when many race for them", async () => {
    const { store } = await open();
    await initialize(store, "p1", 1_000);
    const { campaignId } = await scheduled(store, { p1: 7 });
    const outcomes = await Promise.all(
      Array.from({ length: CALLERS }, (_, i) => take(store, campaignId, `o${i}`)),
    );
    expect(outcomes.filter(({ kind }) => kind === "reserved")).toHaveLength(7);
    expect(outcomes.filter(({ kind }) => kind === "insufficient")).toHaveLength(CALLERS - 7);
    expect(await totals(store, "p1")).toEqual({ onHand: 1_000, reserved: 7, available: 993 });
    await invariants(redis);
  });
});

describe("the end of a campaign", () => {
  test("brings back what nobody holds; what is held goes back when its hold ends, and then the level is gone", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 6 }, { holdSeconds: 900 });
    const sold = await held(store, campaign.campaignId, "o1", 2);
    const late = await held(store, campaign.campaignId, "o2", 3);
    await clockAt(redis, campaign.startsAt + 5);
    const stopped = await store.campaigns.stop(campaignCommand(campaign.campaignId));
    expect(stopped).toMatchObject({ kind: "stopped", campaign: { state: "running" } });
    expect(await levelsOf(store)).toEqual(["Warehouse A 5 0", `${fenceOf(campaign)} 5 5`]);
    expect((await store.confirm(endCommand(sold.reservationId))).kind).toBe("done");
    await store.campaigns.turnDue(0);
    expect(await levelsOf(store)).toEqual(["Warehouse A 5 0", `${fenceOf(campaign)} 3 3`]);
    await clockAt(redis, late.expiresAt ?? 0);
    await store.expire(0);
    await store.campaigns.turnDue(0);
    expect(await levelsOf(store)).toEqual(["Warehouse A 8 0"]);
    expect(await totals(store, "p1")).toEqual({ onHand: 8, reserved: 0, available: 8 });
    expect((await seen(store, campaign)).state).toBe("closed");
    const fields = await redis.hkeys(stockKey(0, "p1"));
    expect(fields.filter((field) => field.includes("~"))).toEqual([]);
    await invariants(redis);
  });

  test("leaves no level of what was sold to the last unit", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 2 });
    const hold = await held(store, campaign.campaignId, "o1", 2);
    await store.confirm(endCommand(hold.reservationId));
    await store.campaigns.stop(campaignCommand(campaign.campaignId));
    expect(await levelsOf(store)).toEqual(["Warehouse A 8 0"]);
    await invariants(redis);
  });

  test("comes once: a turn that is repeated moves nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const campaign = await started(store, { p1: 4 });
    const seq = (await productOf(store, "p1")).seq;
    await store.campaigns.turnDue(0);
    // Whoever asks without having looked.
    await sendBatch(redis, "turnCampaign", {}, [campaign.campaignId]);
    expect((await productOf(store, "p1")).seq).toBe(seq);
    await store.campaigns.stop(campaignCommand(campaign.campaignId));
    const after = (await productOf(store, "p1")).seq;
    await store.campaigns.turnDue(0);
    const again = await store.campaigns.stop(campaignCommand(campaign.campaignId));
    expect(again).toMatchObject({ kind: "over", campaign: { state: "closed" } });
    expect((await productOf(store, "p1")).seq).toBe(after);
  });

  test("comes once, whoever of many processes is first, while others still take of it", async () => {
    const { store, ...first } = await open();
    const stores = [{ store, ...first }, await open(), await open(), await open()];
    await initialize(store, "p1", 100);
    const { campaignId } = await scheduled(store, { p1: 20 });
    const asked = stores.flatMap((one, i) => [
      one.store.campaigns.turnDue(0),
      ...Array.from({ length: 10 }, (_, k) => take(one.store, campaignId, `o${i}-${k}`)),
      i === 3 ? one.store.campaigns.stop(campaignCommand(campaignId)) : one.store.expire(0),
      one.store.campaigns.turnDue(0),
    ]);
    await Promise.all(asked);
    const { onHand, reserved, available } = await totals(store, "p1");
    expect({ onHand, available }).toEqual({ onHand: 100, available: 100 - reserved });
    expect(reserved).toBeLessThanOrEqual(20);
    const types = await movementTypes();
    expect(types.filter((type) => type === "TRANSFER").length).toBeLessThanOrEqual(4);
    await invariants(redis);
  });

  test("of one that never started moves nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const startsAt = Date.now() + 1_000;
    const campaign = await scheduled(store, { p1: 4 }, { startsAt, endsAt: startsAt + 1_000 });
    await clockAt(redis, startsAt + 1_000);
    await take(store, campaign.campaignId, "o1"); // tells this process the time
    await store.campaigns.turnDue(0);
    expect(await seen(store, campaign)).toMatchObject({
      state: "closed",
      products: [{ fenced: 0 }],
    });
    expect(await levelsOf(store)).toEqual(["Warehouse A 10 0"]);
  });
});

describe("a campaign that is planned", () => {
  test("can be planned anew and removed until it starts, and removed again when it is closed", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const startsAt = Date.now() + 60_000;
    const plan = scheduleCommand({ p1: 4 }, { startsAt });
    await store.campaigns.schedule(plan);
    const { campaignId } = plan;
    const anew = scheduleCommand({ p1: 6 }, { campaignId, startsAt, isNew: false });
    expect(await store.campaigns.schedule(anew)).toMatchObject({
      kind: "scheduled",
      campaign: { products: [{ quantity: 6 }] },
    });
    await clockAt(redis, startsAt);
    expect((await store.campaigns.schedule(anew)).kind).toBe("begun");
    expect((await store.campaigns.remove(campaignCommand(plan.campaignId))).kind).toBe("begun");
    await take(store, plan.campaignId, "o1");
    expect((await store.campaigns.remove(campaignCommand(plan.campaignId))).kind).toBe("begun");
    const other = await scheduled(
      store,
      { p1: 1 },
      { startsAt: startsAt + 60_000, endsAt: startsAt + 70_000 },
    );
    expect((await store.campaigns.remove(campaignCommand(other.campaignId))).kind).toBe("removed");
    expect((await store.campaigns.remove(campaignCommand(other.campaignId))).kind).toBe(
      "unknown_campaign",
    );
    await invariants(redis);
  });

  test("is refused when it would be over, of a product that is not there, and beyond as many as there may be", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const endsAt = (await lastNow()) - 1;
    const past = scheduleCommand({ p1: 4 }, { startsAt: endsAt - 1, endsAt });
    expect((await store.campaigns.schedule(past)).kind).toBe("past");
    const strange = scheduleCommand({ nothing: 4 });
    expect((await store.campaigns.schedule(strange)).kind).toBe("unknown_product");
    const startsAt = Date.now() + 600_000;
    const outcomes = await Promise.all(
      Array.from({ length: 101 }, () =>
        store.campaigns.schedule(scheduleCommand({ p1: 1 }, { startsAt })),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === "above_limit")).toHaveLength(1);
  });

  test("is made once under one key, and a repeat hears which one", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const under = { operation: operation("k1") };
    const first = await store.campaigns.schedule(scheduleCommand({ p1: 4 }, under));
    const second = await store.campaigns.schedule(scheduleCommand({ p1: 4 }, under));
    expect<object>(second).toEqual({ ...first, replayed: true });
    expect(await store.campaigns.all(soon())).toHaveLength(1);
  });
});
